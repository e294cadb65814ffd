"""MTCNN's three networks, layer by layer as their authors built them (Zhang et al. 2016).

All take mid-grey-centred pixels, (value - 127.5) / 128, and give raw logits; P-Net is convolutional, so it scores
every 12-pixel cell of a canvas in steps of two. Dense layers run as convolutions of the whole map: a matrix product's
bits depend on the number of threads (O-Net's 1,152 inputs, one thread or two), a convolution's do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

CELL = 12  # pixels a side that P-Net looks at
STRIDE = 2  # pixels from one cell to the next
REFINE_SIDE = 24  # pixels a side of R-Net's input
OUTPUT_SIDE = 48  # pixels a side of O-Net's input


class ProposalNet(nn.Module):
    """P-Net: canvases [n, 3, h, w] (h and w even) -> [n, 6, h / 2 - 5, w / 2 - 5]: face logits 2, box 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.face, self.box = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, canvases: torch.Tensor) -> torch.Tensor:
        x = _halve(self.prelu1(self.conv1(canvases)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return torch.cat([self.face(x), self.box(x)], 1)


class RefineNet(nn.Module):
    """R-Net: crops [n, 3, 24, 24] -> [n, 6]: face logits 2, box 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense, self.prelu_dense = nn.Conv2d(64, 128, 3), nn.PReLU(128)
        self.face, self.box = nn.Conv2d(128, 2, 1), nn.Conv2d(128, 4, 1)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.prelu1(self.conv1(crops)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu_dense(self.dense(self.prelu3(self.conv3(x))))
        return torch.cat([self.face(x), self.box(x)], 1).flatten(1)


class OutputNet(nn.Module):
    """O-Net: crops [n, 3, 48, 48] -> [n, 16]: face logits 2, box 4, landmarks 10 (five x, then five y)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense, self.prelu_dense = nn.Conv2d(128, 256, 3), nn.PReLU(256)
        self.face, self.box, self.landmarks = nn.Conv2d(256, 2, 1), nn.Conv2d(256, 4, 1), nn.Conv2d(256, 10, 1)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.prelu1(self.conv1(crops)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu3(self.conv3(x)), 2, ceil_mode=True)
        x = self.prelu_dense(self.dense(self.prelu4(self.conv4(x))))
        return torch.cat([self.face(x), self.box(x), self.landmarks(x)], 1).flatten(1)


def _halve(maps: torch.Tensor) -> torch.Tensor:
    """2x2 max pooling of maps with even sides; three times as fast on a CPU as `max_pool2d` in channels-last order."""
    rows = torch.maximum(maps[..., ::2, :], maps[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def _as_kernel(weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """A dense layer's [out, in] as a convolution's kernel [out, c, k, k]; `in` counts columns, rows, channels."""
    if weight.ndim != 2:
        return weight
    out, channels, side, _ = shape
    return weight.reshape(out, side, side, channels).permute(0, 3, 2, 1)


def load_networks(
    tensors: Mapping[str, npt.NDArray[Any]], device: torch.device, dtype: torch.dtype
) -> tuple[ProposalNet, RefineNet, OutputNet]:
    """The three networks with `weights.load_mtcnn`'s tensors, strictly: no name may be missing or left over."""
    networks = (ProposalNet(), RefineNet(), OutputNet())
    for prefix, network in zip(("pnet.", "rnet.", "onet."), networks, strict=True):
        shapes = {name: value.shape for name, value in network.state_dict().items()}
        own = {name.removeprefix(prefix): torch.tensor(tensors[name]) for name in tensors if name.startswith(prefix)}
        network.load_state_dict({name: _as_kernel(weight, shapes[name]) for name, weight in own.items()})
        network.eval().requires_grad_(False).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return networks
