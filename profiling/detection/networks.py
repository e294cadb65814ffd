"""MTCNN's three networks, layer by layer as their authors built them (Zhang et al. 2016).

All take mid-grey-centred pixels, (value - 127.5) / 128, and give raw logits; `P-Net` is convolutional, so it scores
every 12-pixel cell of a canvas in steps of two.
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
        x = F.max_pool2d(self.prelu1(self.conv1(canvases)), 2)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return torch.cat([self.face(x), self.box(x)], 1)


class RefineNet(nn.Module):
    """R-Net: crops [n, 3, 24, 24] -> [n, 6]: face logits 2, box 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense, self.prelu_dense = nn.Linear(64 * 3 * 3, 128), nn.PReLU(128)
        self.face, self.box = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.prelu1(self.conv1(crops)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = _flatten(self.prelu3(self.conv3(x)))
        x = self.prelu_dense(self.dense(x))
        return torch.cat([self.face(x), self.box(x)], 1)


class OutputNet(nn.Module):
    """O-Net: crops [n, 3, 48, 48] -> [n, 16]: face logits 2, box 4, landmarks 10 (five x, then five y)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense, self.prelu_dense = nn.Linear(128 * 3 * 3, 256), nn.PReLU(256)
        self.face, self.box, self.landmarks = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.prelu1(self.conv1(crops)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu3(self.conv3(x)), 2, ceil_mode=True)
        x = _flatten(self.prelu4(self.conv4(x)))
        x = self.prelu_dense(self.dense(x))
        return torch.cat([self.face(x), self.box(x), self.landmarks(x)], 1)


def _flatten(maps: torch.Tensor) -> torch.Tensor:
    """[n, c, h, w] -> [n, w * h * c]: the dense layers were trained columns first, channels last (Matlab order)."""
    return maps.permute(0, 3, 2, 1).flatten(1)


def load_networks(
    tensors: Mapping[str, npt.NDArray[Any]], device: torch.device, dtype: torch.dtype
) -> tuple[ProposalNet, RefineNet, OutputNet]:
    """The three networks with `weights.load_mtcnn`'s tensors, strictly: no name may be missing or left over."""
    networks = (ProposalNet(), RefineNet(), OutputNet())
    for prefix, network in zip(("pnet.", "rnet.", "onet."), networks, strict=True):
        state = {
            name.removeprefix(prefix): torch.tensor(tensor)
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        network.load_state_dict(state)
        network.eval().requires_grad_(False).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return networks
