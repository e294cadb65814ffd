"""The networks that a user's own weights may be of, and how each is usually fed."""

from __future__ import annotations

from dataclasses import dataclass

ARCFACE_INPUT = (127.5, 127.5)  # (pixel - mean) / scale: -1 to 1, as insightface and face.evoLVe train
FACENET_INPUT = (127.5, 128.0)  # facenet-pytorch's fixed_image_standardization
ARCFACE_NETWORKS = {
    "profiling.embedding.iresnet": ("iresnet50", "iresnet100"),
    "profiling.embedding.ir_backbone": ("ir_50", "ir_101", "ir_152", "ir_se_50", "ir_se_101", "ir_se_152"),
}


@dataclass(frozen=True)
class Layout:
    """A network, and how it is fed when its owner says nothing else.

    `network` is the module that defines it; `size` the chip's side in pixels; `template` a name in `templates`; `mean`
    and `scale` of every channel, as in (pixel - mean) / scale.
    """

    network: str
    size: int
    template: str
    mean: float
    scale: float


LAYOUTS: dict[str, Layout] = {
    **{
        name: Layout(network, 112, "arcface", *ARCFACE_INPUT)
        for network, names in ARCFACE_NETWORKS.items()
        for name in names
    },
    "inception_resnet_v1": Layout("profiling.embedding.inception_resnet", 160, "facenet", *FACENET_INPUT),
    "onnx": Layout("profiling.embedding.onnx_network", 112, "arcface", *ARCFACE_INPUT),
}
ONNX = "onnx"  # the layout whose file says its own architecture
