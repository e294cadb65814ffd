"""ArcFace's IResNet-50 and -100 (Deng et al. 2019; Duta et al. 2020), in the layout of insightface's ``arcface_torch``.

A residual network without a nonlinearity after the sum: a unit normalises, convolves, normalises, applies a PReLU,
convolves (with the stage's stride) and normalises. Every stage halves the picture, 112 pixels to 7.
"""

from __future__ import annotations

import torch
from torch import nn

from profiling.embedding.channel_statistics import channel_statistics
from profiling.embedding.checkpoint import fill_network, read_tensors

UNITS = {"iresnet50": (3, 4, 14, 3), "iresnet100": (3, 13, 30, 3)}  # of the four stages
CHANNELS = (64, 128, 256, 512)
LAST_SIDE = 7  # pixels of the last map
PROBED_STAGES = 3  # the last ones: 128, 256 and 512 channels, 1792 numbers


class Unit(nn.Module):
    """One residual unit; the first of a stage halves the picture and projects its shortcut."""

    def __init__(self, channels_in: int, channels: int, first: bool) -> None:
        super().__init__()
        stride = 2 if first else 1
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        projection = (nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        self.downsample = nn.Sequential(*projection) if first else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, h, w] -> [n, channels, h / stride, w / stride]."""
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        total: torch.Tensor = y + self.downsample(x)
        return total


class IResNet(nn.Module):
    """Chips [n, 3, 112, 112] -> vectors [n, dim], not of unit length."""

    def __init__(self, units: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, CHANNELS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(CHANNELS[0])
        self.prelu = nn.PReLU(CHANNELS[0])
        before = (CHANNELS[0], *CHANNELS)
        stages = [
            nn.Sequential(*(Unit(channels if place else first, channels, place == 0) for place in range(count)))
            for first, channels, count in zip(before, CHANNELS, units, strict=False)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.bn2 = nn.BatchNorm2d(CHANNELS[-1])
        self.fc = nn.Linear(CHANNELS[-1] * LAST_SIDE**2, dim)
        self.features = nn.BatchNorm1d(dim)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors, and mean and deviation per channel of the last three stages for the probe [n, 1792]."""
        maps = [self.prelu(self.bn1(self.conv1(x)))]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(stage(maps[-1]))
        vectors: torch.Tensor = self.features(self.fc(self.bn2(maps[-1]).flatten(1)))
        return vectors, channel_statistics(maps[-PROBED_STAGES:])


def load_network(data: bytes, layout: str) -> IResNet:
    """The network of this layout, a key of `UNITS`, from the bytes of a safetensors or PyTorch file.

    Raises
    ------
    ModelError
        The bytes are of another format or another network.
    """
    tensors = read_tensors(data, layout)
    dim = len(tensors["fc.bias"]) if "fc.bias" in tensors else CHANNELS[-1]
    return fill_network(IResNet(UNITS[layout], dim), tensors, layout)
