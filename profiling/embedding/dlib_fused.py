"""dlib's network for a CPU: the same sums with fewer passes over memory, and fewer multiplications where they are many.

ReLU and the shortcut are computed by the convolution before them, weights are packed once, and the convolutions of 64
and 128 channels run by Winograd's method in float32. What that gains stands in docs/benchmarks.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from profiling.embedding.onednn import After, Convolution
from profiling.embedding.winograd import WinogradConvolution

CHIP = 150  # pixels a side
WINOGRAD_TILES = {64: 6, 128: 4}  # by channels: 32 have maps too large to pay, 256 weights (9 MB a layer) too large

Step = Callable[[torch.Tensor], torch.Tensor]


class FusedDlibResNet(nn.Module):
    """Chips as the plain network takes them, exactly `n` of them, on a CPU. Weights are taken at once."""

    def __init__(self, plain: Any, n: int) -> None:
        super().__init__()
        side = (CHIP - 7) // 2 + 1
        self._stem = Convolution(plain.stem, n, CHIP, "relu")
        side = (side - 3) // 2 + 1
        self._steps: list[Step] = []
        for block in plain.blocks:
            self._steps.append((_HalvingBlock if block.halves else _Block)(block, n, side))
            side = side // 2 if block.halves else side
        self._head = plain.head

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Descriptors, twice, as the plain network gives them."""
        x = _pool(self._stem(x))
        for step in self._steps:
            x = step(x)
        descriptors = self._head(x.mean((2, 3)))
        return descriptors, descriptors


class _Block:
    def __init__(self, plain: Any, n: int, side: int) -> None:
        self._first = _inner(plain.first, n, side, "relu")
        self._second = _inner(plain.second, n, side, "relu")

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self._second.plus(self._first(x), x)


class _HalvingBlock:
    def __init__(self, plain: Any, n: int, side: int) -> None:
        self._first = Convolution(plain.first, n, side, "relu")
        self._second = _inner(plain.second, n, (side - 3) // 2 + 1, "none")

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        y = self._second(self._first(x))
        shortcut = F.avg_pool2d(x, 2, 2)
        below, beside = shortcut.shape[2] - y.shape[2], shortcut.shape[3] - y.shape[3]
        if below or beside:
            y = F.pad(y, (0, beside, 0, below))
        y[:, : shortcut.shape[1]] += shortcut
        return y.relu_()


def _pool(x: torch.Tensor) -> torch.Tensor:
    """The largest of 3x3, stride 2, row by row and column by column: PyTorch's own also notes where each was found."""
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    tall = torch.maximum(x[:, :, 0 : height - 2 : 2], x[:, :, 1 : height - 1 : 2])
    torch.maximum(tall, x[:, :, 2:height:2], out=tall)
    wide = torch.maximum(tall[..., 0 : width - 2 : 2], tall[..., 1 : width - 1 : 2])
    return torch.maximum(wide, tall[..., 2:width:2], out=wide)


def _inner(plain: nn.Conv2d, n: int, side: int, after: After) -> Convolution | WinogradConvolution:
    """A convolution of stride 1, by the faster method."""
    tile = WINOGRAD_TILES.get(plain.out_channels)
    if tile is None or plain.weight.dtype != torch.float32:
        return Convolution(plain, n, side, after)
    return WinogradConvolution(plain, side, after == "relu", tile)
