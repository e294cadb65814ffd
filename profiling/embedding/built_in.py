"""The networks that Kith knows by itself: one entry each."""

from __future__ import annotations

from profiling.chips import ChipSpec
from profiling.embedding.model_entry import ModelEntry
from profiling.embedding.templates import ARCFACE

DLIB = ModelEntry(
    id="dlib",
    title="dlib face recognition ResNet",
    dim=128,
    features=128,
    # Five MTCNN points in dlib's own chips, averaged; eyes and nose alone align best (same/different AUC 1.0000).
    chip=ChipSpec(
        size=150,
        template=((46.95, 44.77), (101.39, 44.70), (74.33, 78.78), (49.35, 99.98), (99.62, 99.86)),
        points=(0, 1, 2),
    ),
    colour="rgb",
    mean=(122.782, 117.001, 104.298),  # dlib's input_rgb_image_sized; the weights file says the same
    scale=(256.0, 256.0, 256.0),
    network="profiling.embedding.dlib_resnet",
    weights="models/dlib_face_recognition_resnet_model_v1.dat",
    weights_bytes=22_466_066,
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    package="face_recognition_models",
    licence="CC0-1.0",
    source="Davis King, dlib-models (2017); PyPI face_recognition_models 0.3.0",
)

EDGEFACE_XS = ModelEntry(
    id="edgeface-xs",
    title="EdgeFace-XS",
    dim=512,
    features=712,
    chip=ChipSpec(size=112, template=ARCFACE),
    colour="rgb",
    mean=(127.5, 127.5, 127.5),
    scale=(127.5, 127.5, 127.5),
    network="profiling.embedding.edgeface",
    weights="edgeface_xs.safetensors",
    weights_bytes=8_992_248,
    sha256="283c258268895bee6989589f486619ac54d6e69b9a0381519c2c5971af94b043",
    package=None,
    # The LICENSE beside the weights allows any use; the card of the same authors' weights elsewhere does not.
    licence="BSD-3-Clause by its repository, CC BY-NC-SA 4.0 by its authors' card: research only until that is clear",
    source="George et al. 2024, Idiap Research Institute; int8 checkpoint, dequantised",
)

RETAIL_0095 = ModelEntry(
    id="face-reidentification-retail-0095",
    title="Open Model Zoo face-reidentification-retail-0095",
    dim=256,
    features=1536,
    chip=ChipSpec(  # the model's own template (Open Model Zoo, README of the model), shares of the side x 128
        size=128,
        template=(
            (40.3928, 59.0815),
            (87.3757, 58.8587),
            (64.0336, 81.9847),
            (44.7324, 105.5606),
            (83.6399, 105.3761),
        ),
    ),
    colour="bgr",
    mean=(0.0, 0.0, 0.0),  # its own means and scales are tensors of the checkpoint
    scale=(1.0, 1.0, 1.0),
    network="profiling.embedding.reidentification_0095",
    weights="omz0095.safetensors",
    weights_bytes=2_232_788,
    sha256="add6e1bda8591737c73b65780f09bfc56f3720d4679e9eb13154295b7541841a",
    package=None,
    licence="Apache-2.0",
    source="Intel, Open Model Zoo; float16, converted without loss",
)

MODELS: dict[str, ModelEntry] = {entry.id: entry for entry in (DLIB, EDGEFACE_XS, RETAIL_0095)}
