"""3x3 convolutions with a fraction of the multiplications (Winograd's method; Lavin and Gray 2016).

Tiles of m x m results are computed from (m + 2) x (m + 2) inputs as (m + 2)^2 products of matrices, one for each
point of the transformed tile: for m = 4 a quarter of the multiplications, for m = 6 a fifth, more where tiles reach
beyond the map. Maps lie in memory as [row, column, n, channel]: there both transforms are products of small matrices
with the rows and columns of the map, whose padding is zeros that are never stored, and between two products nothing is
copied.

It pays where channels are many and the map is small; elsewhere the transforms move more memory than the products save.
Rounding grows from 6e-6 to 7e-5 of a map's standard deviation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)  # where the polynomials are taken, and at infinity: NNPACK's choice
ONE = 1  # the place in POINTS of 1, which goes into every result with factor 1

Matrix = npt.NDArray[np.float64]


class WinogradConvolution:
    """A 3x3 convolution of stride 1 and padding 1 on float32 maps of one size, and ReLU if `relu`.

    `tile` is the results of a tile, a side: 4 or 6.
    """

    def __init__(self, plain: nn.Conv2d, side: int, relu: bool = False, tile: int = 4) -> None:
        self._side, self._relu = side, relu
        self._tiles, self._span = -(-side // tile), tile + 2
        taken, kernel, given = cook_toom(tile)
        into, out = _along_a_side(taken, side, -1), _along_a_side(given.T, side, 0)
        self._rows = [_Rows(*pair, side) for pair in zip(into, out, strict=True)]
        # Of columns the points come first, so that one tile after the other lies beside its like: one product for all.
        columns = (len(into) * self._span, side)
        self._into = into.transpose(0, 1).reshape(columns)
        self._out = out.transpose(0, 1).reshape(columns).T.contiguous()
        factors, weight = torch.from_numpy(kernel), plain.weight.detach().double()
        points = torch.einsum("ai,kcij,bj->abck", factors, weight, factors)
        self._weight = points.reshape(-1, plain.in_channels, plain.out_channels).float().contiguous()
        self._bias = torch.zeros(()) if plain.bias is None else plain.bias.detach()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels_in, side, side] -> [n, channels, side, side], in memory [side, side, n, channels].

        Any layout of `x` will do; this same one is not copied.
        """
        return self._convolve(x, None)

    def plus(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The convolution of `x`, plus `other`, then ReLU: the end of a residual block."""
        return self._convolve(x, _flat(other))

    def _convolve(self, x: torch.Tensor, other: torch.Tensor | None) -> torch.Tensor:
        """A row of tiles after the other, so that what lies between fits the processor's second-level cache.

        All products are of batches of small matrices: BLAS would share out a large one, and round by who gets what.
        """
        side, tiles, span, n = self._side, self._tiles, self._span, len(x)
        points, inputs, outputs = self._weight.shape
        wide, flat, y = n * outputs, _flat(x), torch.empty(side, side, n * outputs)
        rows, taken = torch.empty(side, span, n * inputs), torch.empty(span, span * tiles, n * inputs)
        product = torch.empty(points, tiles * n, outputs)
        into = self._into.expand(span, *self._into.shape)
        for row in self._rows:
            torch.bmm(row.into, flat[row.first : row.last].transpose(0, 1), out=rows)
            torch.bmm(into, rows.transpose(0, 1), out=taken)
            torch.bmm(taken.view(points, tiles * n, inputs), self._weight, out=product)
            product[ONE * span + ONE] += self._bias
            given = torch.bmm(row.out, product.view(span, span * tiles, wide).transpose(0, 1))
            mine = y[row.top : row.bottom]
            torch.bmm(self._out.expand(len(mine), *self._out.shape), given.transpose(0, 1), out=mine)
            if other is not None:
                mine += other[row.top : row.bottom]
            if self._relu:
                mine.relu_()
        return y.view(side, side, n, outputs).permute(2, 3, 0, 1)


class _Rows:
    """The transforms of a row of tiles, from pixels `first` to `last` and back to `top` to `bottom`."""

    def __init__(self, into: torch.Tensor, out: torch.Tensor, side: int) -> None:
        self.first, self.last = _filled(into)
        self.top, self.bottom = _filled(out)
        mine, given = into[:, self.first : self.last].contiguous(), out[:, self.top : self.bottom].T.contiguous()
        span, tiles = len(into), -(-side // (len(into) - 2))
        self.into, self.out = mine.expand(side, *mine.shape), given.expand(span * tiles, *given.shape)


def _filled(transform: torch.Tensor) -> tuple[int, int]:
    """First and end of the pixels that a tile's transform [span, side] has anything to do with."""
    pixels = transform.any(dim=0).nonzero().flatten()
    return int(pixels[0]), int(pixels[-1]) + 1


def cook_toom(tile: int) -> tuple[Matrix, Matrix, Matrix]:
    """Transforms of `tile` results of a filter of three: of the input, the filter and back.

    Returns
    -------
    float64 [span, span], [span, 3] and [tile, span] with span = tile + 2, for which
    ``given @ ((kernel @ filter) * (taken @ signal))`` is the filter applied to the signal (Winograd 1980).
    """
    points, span = np.array(POINTS[: tile + 1]), tile + 2
    taken, kernel, given = np.zeros((span, span)), np.zeros((span, 3)), np.zeros((tile, span))
    for place, point in enumerate(points):
        others = np.delete(points, place)
        taken[place, :-1] = np.poly(others)[::-1]
        kernel[place] = point ** np.arange(3) / np.prod(point - others)
        given[:, place] = point ** np.arange(tile)
    taken[-1] = np.poly(points)[::-1]
    kernel[-1, -1] = given[-1, -1] = 1
    return taken, kernel, given


def _along_a_side(transform: Matrix, side: int, first: int) -> torch.Tensor:
    """One tile's transform [span, pixels] at every tile of a side, float32 [tiles, span, side].

    `first` is the pixel that the first tile begins with. Pixels beyond the side are left out.
    """
    span, reach = transform.shape
    tile = span - 2
    tiles = -(-side // tile)
    whole = torch.zeros(tiles, span, side)
    for number in range(tiles):
        for k in range(reach):
            pixel = number * tile + first + k
            if 0 <= pixel < side:
                whole[number, :, pixel] = torch.from_numpy(transform[:, k])
    return whole


def _flat(x: torch.Tensor) -> torch.Tensor:
    """[n, channels, side, side] -> [side, side, n x channels]."""
    return x.permute(2, 3, 0, 1).contiguous().view(*x.shape[2:], -1)
