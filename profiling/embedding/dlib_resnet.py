"""dlib's face recognition network, a ResNet with 29 convolutions (King 2017), as a PyTorch module.

Where it differs from an ordinary ResNet: the stem and the convolutions of stride 2 have no padding; the shortcut of a
block that halves the picture is average-pooled and its missing channels are zero; where the convolutions come out a
pixel smaller than the shortcut, zeros fill the right and the bottom. Affine layers (frozen batch normalisation) are
folded into the convolutions before them.

Measured against dlib 20.0.1 on the same chips: descriptors differ by less than 1e-5 (tests/profiling/embedding).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from profiling.embedding.dlib_file import DlibNetwork, Layer, read_network
from profiling.embedding.dlib_fused import FusedDlibResNet
from profiling.errors import ModelError

STEM_CHANNELS = 32
BLOCKS = (  # channels, and whether the block halves the picture; dlib's examples/dnn_face_recognition_ex.cpp
    *(((32, False),) * 3),
    *((64, True), *(((64, False),) * 3)),
    *((128, True), *(((128, False),) * 2)),
    *((256, True), *(((256, False),) * 2)),
    (256, True),
)
DIM = 128  # numbers of a descriptor


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.new_channels = channels - channels_in
        self.first = nn.Conv2d(channels_in, channels, 3, stride=2 if halves else 1, padding=0 if halves else 1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, h, w] -> [n, channels, h', w']."""
        y = self.second(F.relu(self.first(x)))
        if self.halves:
            x = F.avg_pool2d(x, 2, 2)
            x = F.pad(x, (0, 0, 0, 0, 0, self.new_channels))
            y = F.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
        return F.relu(x + y)


class DlibResNet(nn.Module):
    """Chips [n, 3, 150, 150], RGB, (pixel - mean) / 256 -> descriptors [n, 128], not of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM_CHANNELS, 7, stride=2)
        inputs = (STEM_CHANNELS, *(channels for channels, _ in BLOCKS))
        self.blocks = nn.Sequential(*(Block(i, c, halves) for i, (c, halves) in zip(inputs, BLOCKS, strict=False)))
        self.head = nn.Linear(BLOCKS[-1][0], DIM, bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Descriptors, and the features for the age and gender probe: the descriptors themselves."""
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2)
        descriptors = self.head(self.blocks(x).mean((2, 3)))
        return descriptors, descriptors

    def fused(self, n: int) -> FusedDlibResNet:
        """The same network for batches of `n` chips on a CPU, of the weights as they are now."""
        return FusedDlibResNet(self, n)

    def convolutions(self) -> list[nn.Conv2d]:
        """All convolutions in the order of dlib's layers."""
        return [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]


def load_network(data: bytes) -> DlibResNet:
    """The network from the bytes of ``dlib_face_recognition_resnet_model_v1.dat``.

    Raises
    ------
    ModelError
        The bytes are no dlib network, or one of another build.
    """
    stored = read_network(data)
    network = DlibResNet().eval()
    convolutions = network.convolutions()
    pairs = _convolutions_with_affine(stored)
    head = stored.layers[-1]
    if len(pairs) != len(convolutions) or head.kind != "fc_2" or head.weight_shape != (DIM, BLOCKS[-1][0]):
        raise _other_build()
    with torch.no_grad():
        for convolution, (layer, affine) in zip(convolutions, pairs, strict=True):
            _fold(convolution, layer, affine)
        outputs, inputs = head.weight_shape
        network.head.weight.copy_(torch.tensor(head.params).reshape(inputs, outputs).T)
    return network


def _convolutions_with_affine(stored: DlibNetwork) -> list[tuple[Layer, Layer]]:
    following = zip(stored.layers, stored.layers[1:], strict=False)
    return [(layer, after) for layer, after in following if layer.kind.startswith("con_")]


def _fold(convolution: nn.Conv2d, layer: Layer, affine: Layer) -> None:
    """Write a stored convolution and the affine layer after it into `convolution`: w gamma, b gamma + beta."""
    shape = tuple(convolution.weight.shape)
    weights = math.prod(shape)
    fits = (
        affine.kind == "affine_"
        and layer.weight_shape == shape
        and layer.params.size == weights + shape[0]
        and affine.params.size == 2 * shape[0]
        and (layer.stride, layer.padding) == (convolution.stride, convolution.padding)
    )
    if not fits or convolution.bias is None:
        raise _other_build()
    params = torch.tensor(layer.params).flatten()
    gamma, beta = torch.tensor(affine.params).reshape(2, -1)
    convolution.weight.copy_(params[:weights].reshape(shape) * gamma.reshape(-1, 1, 1, 1))
    convolution.bias.copy_(params[weights:] * gamma + beta)


def _other_build() -> ModelError:
    return ModelError(
        "dlib network file: not the face recognition ResNet; use dlib_face_recognition_resnet_model_v1.dat"
    )
