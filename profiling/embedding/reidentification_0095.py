"""Intel's face-reidentification-retail-0095 (Open Model Zoo): a MobileFaceNet with squeeze and excitation.

Blocks are inverted residuals (Sandler et al. 2018) whose output is weighted channel by channel (Hu et al. 2018). Batch
normalisation is folded into the convolutions; the input's own means and scales are two tensors of the checkpoint.
Every activation is a PReLU with one slope for all channels.
"""

from __future__ import annotations

import torch
from torch import nn

from profiling.embedding.channel_statistics import channel_statistics
from profiling.embedding.checkpoint import fill_network, read_tensors

STEM_CHANNELS = 64
GROUPS = (  # of blocks: expansion, channels, blocks, stride of the first
    (2, 64, 5, 2),
    (4, 128, 1, 2),
    (2, 128, 6, 1),
    (4, 128, 1, 2),
    (2, 128, 2, 1),
)
SQUEEZE = 8  # channels that become one
LAST_CHANNELS = 512
LAST_SIDE = 8  # pixels of the last map
DIM = 256
PROBED_BLOCKS = (11, 14)  # from 0; with the last map 128 + 128 + 512 channels, 1536 numbers


class Unit(nn.Module):
    """A convolution and its activation."""

    def __init__(self, channels_in: int, channels: int, side: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, side, stride, side // 2, groups=groups)
        self.act = nn.PReLU(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, h, w] -> [n, channels, h / stride, w / stride]."""
        activated: torch.Tensor = self.act(self.conv(x))
        return activated


class Block(nn.Module):
    """Widen, look around, narrow, weight the channels; beside a shortcut where the shapes allow one."""

    def __init__(self, channels_in: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels_in * expansion
        self.residual = stride == 1 and channels_in == channels
        self.expand = Unit(channels_in, wide)
        self.depthwise = Unit(wide, wide, 3, stride, wide)
        self.project = nn.Conv2d(wide, channels, 1)
        self.squeeze = Unit(channels, channels // SQUEEZE)
        self.excite = nn.Conv2d(channels // SQUEEZE, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, h, w] -> [n, channels, h / stride, w / stride]."""
        y: torch.Tensor = self.project(self.depthwise(self.expand(x)))
        y = y * self.excite(self.squeeze(y.mean((2, 3), keepdim=True))).sigmoid()
        return x + y if self.residual else y


class Reidentification0095(nn.Module):
    """Chips [n, 3, 128, 128], BGR, 0 to 255 -> vectors [n, 256], not of unit length."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(1, 3, 1, 1))
        self.register_buffer("shift", torch.zeros(1, 3, 1, 1))
        self.stem = Unit(3, STEM_CHANNELS, 3, 2)
        self.stem_depthwise = Unit(STEM_CHANNELS, STEM_CHANNELS, 3, 1, STEM_CHANNELS)
        blocks, before = [], STEM_CHANNELS
        for expansion, channels, count, stride in GROUPS:
            for place in range(count):
                blocks.append(Block(before, channels, 1 if place else stride, expansion))
                before = channels
        self.blocks = nn.ModuleList(blocks)
        self.last = Unit(before, LAST_CHANNELS)
        self.pool = nn.Conv2d(LAST_CHANNELS, LAST_CHANNELS, LAST_SIDE, groups=LAST_CHANNELS)
        self.embed = nn.Conv2d(LAST_CHANNELS, DIM, 1, bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors, and mean and deviation per channel of two blocks and the last map for the probe [n, 1536]."""
        x = self.stem_depthwise(self.stem(x * self.scale + self.shift))
        maps = []
        for place, block in enumerate(self.blocks):
            x = block(x)
            if place in PROBED_BLOCKS:
                maps.append(x)
        maps.append(self.last(x))
        return self.embed(self.pool(maps[-1])).flatten(1), channel_statistics(maps)


def load_network(data: bytes) -> Reidentification0095:
    """The network from the bytes of its safetensors file.

    Raises
    ------
    ModelError
        The bytes are no safetensors file, or not of this network.
    """
    title = "face-reidentification-retail-0095"
    return fill_network(Reidentification0095(), read_tensors(data, title), title)
