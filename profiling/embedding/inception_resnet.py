"""Inception-ResNet-v1 (Szegedy et al. 2016) as FaceNet uses it, in the layout of ``facenet-pytorch``.

The network and the order of its layers are Sandberg's (facenet, 2017), trained on VGGFace2 or CASIA-WebFace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from profiling.embedding.channel_statistics import channel_statistics
from profiling.embedding.checkpoint import fill_network, read_tensors

DIM = 512
EPS = 1e-3  # of batch normalisation, as in TensorFlow
CLASSIFIER = "logits."  # the training classes' layer; published files carry it and no vector needs it
WIDE = (256, 896, 1792)  # channels of the three towers

Pair = tuple[int, int]  # height, width


class Convolution(nn.Module):
    """A convolution, its normalisation and a ReLU."""

    def __init__(self, channels_in: int, channels: int, side: Pair, stride: int = 1, padding: Pair = (0, 0)) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, side, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=EPS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, h, w] -> [n, channels, h', w']."""
        activated: torch.Tensor = self.bn(self.conv(x)).relu()
        return activated


def _same(channels_in: int, channels: int, height: int = 1, width: int = 1) -> Convolution:
    """A convolution that keeps the picture's size."""
    return Convolution(channels_in, channels, (height, width), padding=(height // 2, width // 2))


def _halving(channels_in: int, channels: int) -> Convolution:
    return Convolution(channels_in, channels, (3, 3), stride=2)


class Residual(nn.Module):
    """Branches beside a shortcut; their joined channels are projected and added, scaled down."""

    def __init__(self, wide: int, branches: Sequence[Sequence[Convolution]], joined: int, scale: float) -> None:
        super().__init__()
        self.scale, self.count, self.activated = scale, len(branches), True
        for place, layers in enumerate(branches):
            self.add_module(f"branch{place}", layers[0] if len(layers) == 1 else nn.Sequential(*layers))
        self.conv2d = nn.Conv2d(joined, wide, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, wide, h, w], the shape kept."""
        joined = torch.cat([self.get_submodule(f"branch{place}")(x) for place in range(self.count)], dim=1)
        total: torch.Tensor = self.conv2d(joined) * self.scale + x
        return total.relu() if self.activated else total


class Reduction(nn.Module):
    """Branches that halve the picture, the last of them a maximum; their channels are joined."""

    def __init__(self, branches: Sequence[Sequence[Convolution]]) -> None:
        super().__init__()
        self.count = len(branches)
        for place, layers in enumerate(branches):
            self.add_module(f"branch{place}", layers[0] if len(layers) == 1 else nn.Sequential(*layers))
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, h, w] -> [n, channels, h / 2, w / 2]."""
        branches = [self.get_submodule(f"branch{place}")(x) for place in range(self.count)]
        return torch.cat([*branches, self.pool(x)], dim=1)


def _tower_35() -> Residual:
    wide = WIDE[0]
    second = (_same(wide, 32), _same(32, 32, 3, 3))
    third = (_same(wide, 32), _same(32, 32, 3, 3), _same(32, 32, 3, 3))
    return Residual(wide, ((_same(wide, 32),), second, third), 96, scale=0.17)


def _tower_17() -> Residual:
    wide = WIDE[1]
    second = (_same(wide, 128), _same(128, 128, 1, 7), _same(128, 128, 7, 1))
    return Residual(wide, ((_same(wide, 128),), second), 256, scale=0.10)


def _tower_8(scale: float) -> Residual:
    wide = WIDE[2]
    second = (_same(wide, 192), _same(192, 192, 1, 3), _same(192, 192, 3, 1))
    return Residual(wide, ((_same(wide, 192),), second), 384, scale)


class InceptionResNetV1(nn.Module):
    """Chips [n, 3, 160, 160] -> vectors [n, 512], not of unit length."""

    def __init__(self) -> None:
        super().__init__()
        first, second, _ = WIDE
        self.conv2d_1a, self.conv2d_2a = _halving(3, 32), Convolution(32, 32, (3, 3))
        self.conv2d_2b, self.maxpool_3a = _same(32, 64, 3, 3), nn.MaxPool2d(3, stride=2)
        self.conv2d_3b, self.conv2d_4a = _same(64, 80), Convolution(80, 192, (3, 3))
        self.conv2d_4b = _halving(192, first)
        self.repeat_1 = nn.Sequential(*(_tower_35() for _ in range(5)))
        self.mixed_6a = Reduction(
            ((_halving(first, 384),), (_same(first, 192), _same(192, 192, 3, 3), _halving(192, 256)))
        )
        self.repeat_2 = nn.Sequential(*(_tower_17() for _ in range(10)))
        self.mixed_7a = Reduction(
            (
                (_same(second, 256), _halving(256, 384)),
                (_same(second, 256), _halving(256, 256)),
                (_same(second, 256), _same(256, 256, 3, 3), _halving(256, 256)),
            )
        )
        self.repeat_3 = nn.Sequential(*(_tower_8(0.20) for _ in range(5)))
        self.block8 = _tower_8(1.0)
        self.block8.activated = False
        self.last_linear = nn.Linear(WIDE[2], DIM, bias=False)
        self.last_bn = nn.BatchNorm1d(DIM, eps=EPS)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors, and mean and deviation per channel of the first two towers for the probe [n, 2304]."""
        x = self.maxpool_3a(self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x))))
        early = self.repeat_1(self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x))))
        middle = self.repeat_2(self.mixed_6a(early))
        late = self.block8(self.repeat_3(self.mixed_7a(middle)))
        vectors: torch.Tensor = self.last_bn(self.last_linear(late.mean((2, 3))))
        return vectors, channel_statistics([early, middle])


def load_network(data: bytes, layout: Literal["inception_resnet_v1"]) -> InceptionResNetV1:
    """The network from the bytes of a safetensors or PyTorch file, with or without its training classes.

    Raises
    ------
    ModelError
        The bytes are of another format or another network.
    """
    tensors = {name: tensor for name, tensor in read_tensors(data, layout).items() if not name.startswith(CLASSIFIER)}
    return fill_network(InceptionResNetV1(), tensors, layout)
