"""Which embedding networks there are, where each one's weights come from, and what it wants to see.

A network joins Kith with one file that defines ``load_network(data) -> torch.nn.Module`` (`Network` says what it must
return) and one entry here. Weights come from a Python package, or from the folder that the environment variable
``KITH_MODELS`` names, searched with its subfolders by SHA-256, so that a file may have any name. Nothing is ever
downloaded, and no byte is parsed before its hash matched.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from profiling.chips import ChipSpec
from profiling.errors import ModelError

MODELS_FOLDER = "KITH_MODELS"  # environment variable


@dataclass(frozen=True)
class ModelEntry:
    """One embedding network.

    Parameters
    ----------
    id : what settings, tables and the profile store call it.
    dim : numbers of a vector.
    features : numbers of what the age and gender probe reads; may be the vector itself.
    chip : size and template of the aligned chip.
    colour : order of the channels that the network was trained on. A wrong order costs accuracy and shows no error.
    mean, scale : the network sees (pixel - mean) / scale, pixels 0 to 255, mean in the order of `colour`.
    network : module that defines ``load_network(data: bytes) -> torch.nn.Module``.
    weights : the file; relative to the package that carries it, or the name it is usually given.
    weights_bytes, sha256 : the file's size and its hash.
    package : Python package that carries the file, or None when it only comes from ``KITH_MODELS``.
    licence, source : of the weights.
    """

    id: str
    title: str
    dim: int
    features: int
    chip: ChipSpec
    colour: Literal["rgb", "bgr"]
    mean: tuple[float, float, float]
    scale: float
    network: str
    weights: str
    weights_bytes: int
    sha256: str
    package: str | None
    licence: str
    source: str


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
    scale=256.0,
    network="profiling.embedding.dlib_resnet",
    weights="models/dlib_face_recognition_resnet_model_v1.dat",
    weights_bytes=22_466_066,
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    package="face_recognition_models",
    licence="CC0-1.0",
    source="Davis King, dlib-models (2017); PyPI face_recognition_models 0.3.0",
)

# insightface, "arcface" template: where its networks were trained to find the five points in a 112-pixel chip
ARCFACE_TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))

EDGEFACE_XS = ModelEntry(
    id="edgeface-xs",
    title="EdgeFace-XS",
    dim=512,
    features=712,
    chip=ChipSpec(size=112, template=ARCFACE_TEMPLATE),
    colour="rgb",
    mean=(127.5, 127.5, 127.5),
    scale=127.5,
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
    scale=1.0,
    network="profiling.embedding.reidentification_0095",
    weights="omz0095.safetensors",
    weights_bytes=2_232_788,
    sha256="add6e1bda8591737c73b65780f09bfc56f3720d4679e9eb13154295b7541841a",
    package=None,
    licence="Apache-2.0",
    source="Intel, Open Model Zoo; float16, converted without loss",
)

MODELS: dict[str, ModelEntry] = {entry.id: entry for entry in (DLIB, EDGEFACE_XS, RETAIL_0095)}


def get_model(model_id: str) -> ModelEntry:
    """The entry of this id.

    Raises
    ------
    ModelError
        No such model.
    """
    try:
        return MODELS[model_id]
    except KeyError:
        known = ", ".join(sorted(MODELS))
        raise ModelError(f"model {model_id!r}: not registered; choose one of: {known} (kith models list)") from None


def find_weights(entry: ModelEntry) -> Path:
    """Where this model's weights lie; their hash is checked when they are read.

    Raises
    ------
    ModelError
        Neither its package nor the folder of ``KITH_MODELS`` has them.
    """
    packaged = _packaged(entry)
    if packaged is not None:
        return packaged
    folder = os.environ.get(MODELS_FOLDER, "")
    for path in _files_of_size(Path(folder), entry.weights_bytes) if folder else ():
        if _sha256(path.read_bytes()) == entry.sha256:
            return path
    install = f"install {entry.package}, or " if entry.package else ""
    raise ModelError(
        f"model {entry.id}: weights with SHA-256 {entry.sha256[:16]}… not found; {install}put the file "
        f"({Path(entry.weights).name}) into the folder that {MODELS_FOLDER} names (now {folder or 'not set'})"
    )


def read_weights(entry: ModelEntry) -> bytes:
    """The bytes of this model's weights, after their hash matched.

    Raises
    ------
    ModelError
        They are not there, cannot be read, or are other bytes than the registry pins.
    """
    path = find_weights(entry)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"model {entry.id}: {path} cannot be read ({error.strerror}); check its permissions") from None
    found = _sha256(data)
    if found != entry.sha256:
        raise ModelError(
            f"model {entry.id}: {path} has SHA-256 {found[:16]}…, not {entry.sha256[:16]}…; it is damaged or another "
            f"file: install {entry.package or 'the weights'} again"
        )
    return data


def _packaged(entry: ModelEntry) -> Path | None:
    spec = importlib.util.find_spec(entry.package) if entry.package else None
    for root in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(root) / entry.weights
        if path.is_file():
            return path
    return None


def _files_of_size(folder: Path, size: int) -> Iterator[Path]:
    """Files of exactly this many bytes, sorted by path, so that the same folder always gives the same file."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size == size:
            yield path


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
