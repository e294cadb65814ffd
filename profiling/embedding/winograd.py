"""3x3 convolutions with a quarter of the multiplications (Winograd's F(4x4, 3x3); Lavin and Gray 2016).

Tiles of 4x4 results are computed from 6x6 inputs as 36 products of matrices, one for each point of the transformed
tile. In the layout [row, column, n, channel] both transforms are products of small matrices with the rows and columns
of the whole map, whose padding is zeros that are never stored.

It pays where channels are many and the map is small; elsewhere the transforms move more memory than the products save.
Rounding grows from 6e-6 to 5e-5 of a map's standard deviation.
"""

from __future__ import annotations

import torch
from torch import nn

TILE, SPAN = 4, 6  # results and inputs of a tile, a side
# Lavin and Gray 2016, equation 15, for the points 0, 1, -1, 2, -2 and infinity
INPUT = ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
         (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1))  # fmt: skip
KERNEL = ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
          (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1))  # fmt: skip
OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class WinogradConvolution:
    """A 3x3 convolution of stride 1 and padding 1 on float32 maps of one size, and ReLU if `relu`."""

    def __init__(self, plain: nn.Conv2d, side: int, relu: bool = False) -> None:
        self._tiles = -(-side // TILE)
        self._side, self._relu = side, relu
        self._into, self._out = _transforms(side, self._tiles)
        kernel, weight = torch.tensor(KERNEL, dtype=torch.float64), plain.weight.detach().double()
        points = torch.einsum("ai,kcij,bj->abck", kernel, weight, kernel)
        self._weight = points.reshape(SPAN * SPAN, plain.in_channels, plain.out_channels).float().contiguous()
        self._bias = torch.zeros(()) if plain.bias is None else plain.bias.detach()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, side, side] -> [n, channels, side, side], channels last."""
        return self._finish(self._convolve(x.permute(2, 3, 0, 1)))

    def plus(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The convolution of `x`, plus `other`, then ReLU: the end of a residual block."""
        return self._finish(self._convolve(x.permute(2, 3, 0, 1)).add_(other.permute(2, 3, 0, 1)))

    def _finish(self, y: torch.Tensor) -> torch.Tensor:
        y = y.relu_() if self._relu else y
        return y.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)

    def _convolve(self, x: torch.Tensor) -> torch.Tensor:
        """[side, side, n, channels_in] -> [side, side, n, channels], bias added; a tensor of its own."""
        side, tiles, n = self._side, self._tiles, x.shape[2]
        _, inputs, outputs = self._weight.shape
        points = SPAN * tiles  # of a transformed side: (point, tile)
        rows = (self._into @ x.reshape(side, -1)).view(points, side, n * inputs)
        whole = torch.matmul(self._into, rows).view(SPAN, tiles, SPAN, tiles, n, inputs)
        grouped = whole.transpose(1, 2).reshape(SPAN * SPAN, tiles * tiles * n, inputs)
        product = torch.bmm(grouped, self._weight).view(SPAN, SPAN, tiles, tiles, n, outputs)
        back = torch.matmul(self._out, product.transpose(1, 2).reshape(points, points, n * outputs))
        return (self._out @ back.view(points, -1)).view(side, side, n, outputs).add_(self._bias)


def _transforms(side: int, tiles: int) -> tuple[torch.Tensor, torch.Tensor]:
    """From a side's pixels to (point, tile) and back, [SPAN * tiles, side] and [side, SPAN * tiles]."""
    into, out = torch.zeros(SPAN, tiles, side), torch.zeros(side, SPAN, tiles)
    taken, given = torch.tensor(INPUT, dtype=torch.float32), torch.tensor(OUTPUT, dtype=torch.float32)
    for tile in range(tiles):
        for k in range(SPAN):
            pixel = tile * TILE - 1 + k
            if 0 <= pixel < side:
                into[:, tile, pixel] = taken[:, k]
        for k in range(min(TILE, side - tile * TILE)):
            out[tile * TILE + k, :, tile] = given[k]
    return into.reshape(SPAN * tiles, side), out.reshape(side, SPAN * tiles)
