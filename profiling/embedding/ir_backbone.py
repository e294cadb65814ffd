"""ArcFace's IR networks (Deng et al. 2019), with or without squeeze and excitation, in the layout of face.evoLVe.

`iresnet` is the same idea in another layout; here a unit has one normalisation less, and the first unit of the first
stage, whose channels stay the same, takes every second pixel as its shortcut.
"""

from __future__ import annotations

import torch
from torch import nn

from profiling.embedding.channel_statistics import channel_statistics
from profiling.embedding.checkpoint import fill_network, read_tensors

UNITS = {"50": (3, 4, 14, 3), "101": (3, 13, 30, 3), "152": (3, 8, 36, 3)}  # of the four stages
LAYOUTS = tuple(f"{kind}_{depth}" for kind in ("ir", "ir_se") for depth in UNITS)
CHANNELS = (64, 128, 256, 512)
LAST_SIDE = 7  # pixels of the last map
SQUEEZE = 16  # channels that become one
PROBED_STAGES = 3  # the last ones: 128, 256 and 512 channels, 1792 numbers


class ChannelWeights(nn.Module):
    """Squeeze and excitation (Hu et al. 2018): weight each channel by what the whole picture says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // SQUEEZE, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // SQUEEZE, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, h, w], the shape kept."""
        weighted: torch.Tensor = x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return weighted


class Unit(nn.Module):
    """One residual unit; the first of a stage halves the picture."""

    def __init__(self, channels_in: int, channels: int, stride: int, weighted: bool) -> None:
        super().__init__()
        layers = (
            nn.BatchNorm2d(channels_in),
            nn.Conv2d(channels_in, channels, 3, padding=1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.res_layer = nn.Sequential(*layers, *((ChannelWeights(channels),) if weighted else ()))
        projection = (nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        same = channels_in == channels
        self.shortcut_layer = nn.MaxPool2d(1, stride) if same else nn.Sequential(*projection)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, h, w] -> [n, channels, h / stride, w / stride]."""
        total: torch.Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return total


class IRBackbone(nn.Module):
    """Chips [n, 3, 112, 112] -> vectors [n, dim], not of unit length."""

    def __init__(self, units: tuple[int, ...], dim: int, weighted: bool) -> None:
        super().__init__()
        first = (
            nn.Conv2d(3, CHANNELS[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(CHANNELS[0]),
            nn.PReLU(CHANNELS[0]),
        )
        self.input_layer = nn.Sequential(*first)
        body, before = [], CHANNELS[0]
        for channels, count in zip(CHANNELS, units, strict=True):
            for place in range(count):
                body.append(Unit(before, channels, 1 if place else 2, weighted))
                before = channels
        self.body = nn.ModuleList(body)
        self.ends = [sum(units[: stage + 1]) - 1 for stage in range(len(units))]  # the last unit of each stage
        last = (nn.BatchNorm2d(before), nn.Dropout(), nn.Flatten(), nn.Linear(before * LAST_SIDE**2, dim))
        self.output_layer = nn.Sequential(*last, nn.BatchNorm1d(dim))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors, and mean and deviation per channel of the last three stages for the probe [n, 1792]."""
        x = self.input_layer(x)
        maps = []
        for place, unit in enumerate(self.body):
            x = unit(x)
            if place in self.ends[-PROBED_STAGES:]:
                maps.append(x)
        return self.output_layer(x), channel_statistics(maps)


def load_network(data: bytes, layout: str) -> IRBackbone:
    """The network of this layout, one of `LAYOUTS`, from the bytes of a safetensors or PyTorch file.

    Raises
    ------
    ModelError
        The bytes are of another format or another network.
    """
    kind, _, depth = layout.rpartition("_")
    tensors = read_tensors(data, layout)
    head = "output_layer.3.bias"
    dim = len(tensors[head]) if head in tensors else CHANNELS[-1]
    return fill_network(IRBackbone(UNITS[depth], dim, kind == "ir_se"), tensors, layout)
