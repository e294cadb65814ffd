"""EdgeFace-XS (George et al. 2024): timm's EdgeNeXt X-Small with a head of 512 numbers.

The checkpoint keeps timm's names under ``model.``. timm builds the network from code alone; nothing is looked up.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import nn

from profiling.embedding.channel_statistics import channel_statistics
from profiling.embedding.checkpoint import fill_network, read_tensors
from profiling.embedding.edgeface_fused import FusedEdgeFace
from profiling.errors import ModelError

ARCHITECTURE = "edgenext_x_small"  # timm's name
DIM = 512
PREFIX = "model."  # of every tensor's name in the checkpoint
PROBED_STAGES = 3  # the last ones keep age and gender: 64, 100 and 192 channels, 712 numbers


class EdgeFace(nn.Module):
    """Chips [n, 3, 112, 112], RGB, (pixel - 127.5) / 127.5 -> vectors [n, 512], not of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.model: Any = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=DIM)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors, and mean and deviation per channel of the last three stages for the probe [n, 712]."""
        maps = [self.model.stem(x)]
        for stage in self.model.stages:
            maps.append(stage(maps[-1]))
        vectors: torch.Tensor = self.model.forward_head(self.model.norm_pre(maps[-1]))
        return vectors, channel_statistics(maps[-PROBED_STAGES:])

    def fused(self, n: int) -> FusedEdgeFace:
        """The same network for batches of `n` chips on a CPU, of the weights as they are now."""
        return FusedEdgeFace(self, n, PROBED_STAGES)


def load_network(data: bytes) -> EdgeFace:
    """The network from the bytes of ``edgeface_xs.safetensors``.

    Raises
    ------
    ModelError
        The bytes are no safetensors file, or not of this network.
    """
    tensors = read_tensors(data, "EdgeFace-XS")
    if not all(name.startswith(PREFIX) for name in tensors):
        raise ModelError(f"EdgeFace-XS: tensors are not named {PREFIX}…; the file is of another network")
    return fill_network(EdgeFace(), tensors, "EdgeFace-XS")
