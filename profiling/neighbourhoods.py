"""Which faces of an album lie within eps of each other: albums of like size side by side in one product of matrices.

Products are taken in float32, which is twice as fast as float64 and decides all pairs but those nearer to eps than its
error; these few are multiplied again in float64, which loses nothing on float16 vectors (`exact.py`). So the answer is
the exact one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from profiling.exact import cosine_rows, widen
from profiling.runs import ranges

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]

BATCH = 1_600_000  # pairs of faces whose bits are held at a time, so that numpy's steps are few
PRODUCTS = 1 << 18  # of them multiplied at a time: 1 MB, so that what follows finds them in the processor's cache
STRIP = 32  # rows multiplied at a time; measured: 24 to 64 are as good, and twice as fast as whole albums of 250
BEYOND = np.float32(-2)  # a cosine that is near to none, whatever eps
ALL_NEAR = 0.99  # eps from which on the empty rows of a padded album, at distance 1 from all, must be masked


@dataclass(frozen=True)
class Stack:
    """Albums of like size, each in `size` rows of which the last may be empty.

    rows : int64 [faces], where the faces are in the table. place : int64 [faces], album x size + position.
    eps : float64 [albums].
    """

    rows: Ints
    place: Ints
    eps: npt.NDArray[np.float64]
    size: int

    @property
    def albums(self) -> int:
        """How many albums are stacked."""
        return len(self.eps)

    def table_rows(self) -> Ints:
        """The face in each of the albums' rows, int64 [albums x size]; -1 = empty."""
        row = np.full(self.albums * self.size, -1, np.int64)
        row[self.place] = self.rows
        return row


class Scratch:
    """Memory for one stack after the other, instead of new pages for each."""

    def __init__(self) -> None:
        self._kept: dict[str, npt.NDArray[np.uint8]] = {}
        self._beyond: tuple[int, ...] = ()  # shape of the cosines that `BEYOND` was written into

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array of the shape with anything in it, until the same name is asked for again."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if name not in self._kept or len(self._kept[name]) < size:
            self._kept[name] = np.empty(size, np.uint8)
        return self._kept[name][:size].view(dtype).reshape(shape)

    def cosine(self, shape: tuple[int, int, int]) -> Singles:
        """A float32 array [albums, size, size] with `BEYOND` after each row's strip, and anything before its end."""
        cosine: Singles = self.array("cosine", shape, np.float32)
        if self._beyond[1:] != shape[1:] or self._beyond[0] < shape[0]:
            cosine.fill(BEYOND)
            self._beyond = shape
        return cosine

    def bits(self, which: int, shape: tuple[int, ...]) -> Bools:
        """One of three bool arrays of the shape, with anything in it."""
        return self.array(f"bits {which}", shape, np.bool_)


def stacks(bounds: Ints, eps: npt.NDArray[np.float64], albums: Ints) -> Iterator[Stack]:
    """Stack albums (numbers into `bounds` [albums + 1] and `eps`) of at most `BATCH` pairs together, or one alone."""
    sizes = bounds[albums + 1] - bounds[albums]
    padded = padded_sizes(sizes)
    order = np.argsort(padded, kind="stable")
    for size in np.unique(padded[sizes > 0]).tolist():
        alike = albums[order[np.searchsorted(padded[order], size) : np.searchsorted(padded[order], size, "right")]]
        step = max(1, BATCH // (size * size))
        for first in range(0, len(alike), step):
            chosen = alike[first : first + step]
            count = bounds[chosen + 1] - bounds[chosen]
            rows = ranges(bounds[chosen], count)
            position = rows - np.repeat(bounds[chosen], count)
            yield Stack(rows, np.repeat(np.arange(len(chosen)), count) * size + position, eps[chosen], size)


def padded_sizes(sizes: Ints) -> Ints:
    """Rows that an album takes: up to a sixteenth more than it has faces, so that few sizes remain; 0 for none."""
    power = np.floor(np.log2(np.maximum(sizes, 1))).astype(np.int64)
    step = 1 << np.maximum(power - 4, 0)
    return np.asarray(-(-sizes // step) * step, np.int64)


def strips(size: int) -> list[tuple[int, int]]:
    """First row and end of the strips in which an album's rows are multiplied, each with the columns up to its end."""
    return [(top, min(top + STRIP, size)) for top in range(0, size, STRIP)]


def near_pairs(vectors: npt.NDArray[np.floating], stack: Stack, scratch: Scratch) -> Bools:
    """Whether two faces are within their album's eps; each face is within reach of itself.

    Parameters
    ----------
    vectors : [n, dim] of any length but zero, the whole table.
    scratch : the answer lies in its bits 0, until it is used again.

    Returns
    -------
    bool [albums, size, size]. Distances are symmetric, so each pair stands in the row of its later face, up to the
    end of the row's strip (`strips`); what follows in the row is False. Empty rows are near to none but themselves.
    """
    size, row = stack.size, stack.table_rows()
    shape = (stack.albums, size, size)
    near, unsure = scratch.bits(0, shape), scratch.bits(1, shape)
    error = float32_error(vectors.shape[1])
    limit = (1.0 - stack.eps).astype(np.float32)[:, None, None]
    step = max(1, PRODUCTS // (size * size))
    for first in range(0, stack.albums, step):
        part = slice(first, first + step)
        unit = _units(vectors, row[first * size : (first + step) * size], scratch)
        cosine = _cosines(unit.reshape(-1, size, vectors.shape[1]), scratch)
        np.greater_equal(cosine, limit[part] + error, out=near[part])
        np.greater_equal(cosine, limit[part] - error, out=unsure[part])
        unsure[part] ^= near[part]
    _decide(near, np.flatnonzero(unsure), vectors, stack.eps, row)
    if (stack.eps > ALL_NEAR).any():
        full = (row >= 0).reshape(stack.albums, size)
        near &= full[:, :, None] & full[:, None, :]
    near[:, np.arange(size), np.arange(size)] = True
    return near


def _units(vectors: npt.NDArray[np.floating], row: Ints, scratch: Scratch) -> Singles:
    """The vectors of some of a stack's rows scaled to length 1, float32 [rows, dim]; zeros where there is none."""
    shape = (len(row), vectors.shape[1])
    taken = np.take(vectors, row, axis=0, out=scratch.array("taken", shape, vectors.dtype), mode="clip")
    flat = widen(taken, scratch.array("units", shape, np.float32))
    length = np.sqrt(np.einsum("nd,nd->n", flat, flat))
    real = (length > 0) & (row >= 0)
    flat *= (real / np.where(real, length, np.float32(1)))[:, None]
    return flat


def _cosines(unit: Singles, scratch: Scratch) -> Singles:
    """Products of an album's vectors with those up to the end of their own strip; `BEYOND` after it."""
    albums, size, dim = unit.shape
    cosine = scratch.cosine((albums, size, size))
    if size <= STRIP:  # with itself, numpy would have BLAS fill one half and copy it to the other, which is slower
        other = scratch.array("others", unit.shape, np.float32)
        np.copyto(other, unit)
        return np.matmul(unit, other.transpose(0, 2, 1), out=cosine)
    # By columns, OpenBLAS multiplies a strip as it lies on AVX-512; other layouts and larger products it copies first.
    other = scratch.array("others", (albums, dim, size), np.float32)
    for top, bottom in strips(size):
        np.copyto(other[:, :, top:bottom], unit[:, top:bottom].transpose(0, 2, 1))
        np.matmul(unit[:, top:bottom], other[:, :, :bottom], out=cosine[:, top:bottom, :bottom])
    return cosine


def float32_error(dim: int) -> np.float32:
    """By how much a cosine may be off that was taken in float32 from vectors scaled to length 1 in float32.

    A sum of `dim` products is off by at most dim x 2^-24 of the product of the lengths (Higham 2002, 3.1), two lengths
    by half as much each; rounding of the scaled numbers and of eps is covered by the eight added.
    """
    return np.float32((dim + 8) * 2.0**-23)


def _decide(
    near: Bools, unsure: Ints, vectors: npt.NDArray[np.floating], eps: npt.NDArray[np.float64], row: Ints
) -> None:
    """Settle the pairs that float32 left open, given as places in `near`; `row` is the face in each of its rows."""
    size = near.shape[2]
    place, j = np.divmod(unsure, size)
    album = place // size
    one, other = row[place], row[album * size + j]
    real = (one >= 0) & (other >= 0)
    unsure, album, one, other = unsure[real], album[real], one[real], other[real]
    near.reshape(-1)[unsure] = 1.0 - cosine_rows(vectors[one], vectors[other]) <= eps[album]
