"""Which faces of an album lie within eps of each other: albums of like size side by side in one product of matrices.

Products are taken in float32, which is twice as fast as float64 and decides all pairs but those nearer to eps than its
error; these few are multiplied again in float64, which loses nothing on float16 vectors (`exact.py`). So the answer is
the exact one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.exact import cosine_rows, widen

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BATCH = 400_000  # pairs of faces multiplied at a time: 1.6 MB, so that what follows finds them in the processor's cache
BITS = 3  # arrays of bits that are needed at a time
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


class Scratch:
    """Memory for the pairs of one stack after the other, instead of new pages for each."""

    def __init__(self) -> None:
        self._cosine, self._bits = np.zeros(0, np.float32), np.zeros((0, 0), np.bool_)

    def cosine(self, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """A float32 array of the shape, with anything in it."""
        pairs = math.prod(shape)
        if len(self._cosine) < pairs:
            self._cosine = np.empty(pairs, np.float32)
        return self._cosine[:pairs].reshape(shape)

    def bits(self, which: int, shape: tuple[int, ...]) -> Bools:
        """One of `BITS` bool arrays of the shape, with anything in it."""
        pairs = math.prod(shape)
        if self._bits.shape[1] < pairs:
            self._bits = np.empty((BITS, pairs), np.bool_)
        bits: Bools = self._bits[which, :pairs].reshape(shape)
        return bits


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
            start = np.repeat(np.cumsum(count) - count, count)
            position = np.arange(count.sum()) - start
            rows = np.repeat(bounds[chosen], count) + position
            yield Stack(rows, np.repeat(np.arange(len(chosen)), count) * size + position, eps[chosen], size)


def padded_sizes(sizes: Ints) -> Ints:
    """Rows that an album takes: up to a sixteenth more than it has faces, so that few sizes remain; 0 for none."""
    power = np.floor(np.log2(np.maximum(sizes, 1))).astype(np.int64)
    step = 1 << np.maximum(power - 4, 0)
    return np.asarray(-(-sizes // step) * step, np.int64)


def near_pairs(vectors: npt.NDArray[np.floating], stack: Stack, scratch: Scratch) -> Bools:
    """Whether two faces are within their album's eps, bool [albums, size, size]; each face is within reach of itself.

    Parameters
    ----------
    vectors : [n, dim] of any length but zero, the whole table. Empty rows are near to none but themselves.
    scratch : the answer lies in its bits 0, until it is used again.
    """
    dim, size = vectors.shape[1], stack.size
    flat = np.zeros((stack.albums * size, dim), np.float32)
    flat[stack.place] = widen(vectors[stack.rows])
    length = np.sqrt(np.einsum("nd,nd->n", flat, flat))
    flat *= (np.float32(1) / np.where(length > 0, length, np.float32(1)))[:, None]
    unit = flat.reshape(stack.albums, size, dim)
    shape = (stack.albums, size, size)
    other = unit.copy()  # with itself, numpy would have BLAS fill one half and copy it to the other, which is slower
    cosine = np.matmul(unit, other.transpose(0, 2, 1), out=scratch.cosine(shape))
    error = float32_error(dim)
    limit = (1.0 - stack.eps).astype(np.float32)[:, None, None]
    near: Bools = np.greater_equal(cosine, limit + error, out=scratch.bits(0, shape))
    unsure = np.greater_equal(cosine, limit - error, out=scratch.bits(1, shape))
    unsure ^= near
    _decide(near, np.flatnonzero(unsure), vectors, stack)
    if (stack.eps > ALL_NEAR).any():
        taken = np.zeros(stack.albums * size, np.bool_)
        taken[stack.place] = True
        full = taken.reshape(stack.albums, size)
        near &= full[:, :, None] & full[:, None, :]
    near[:, np.arange(size), np.arange(size)] = True
    return near


def float32_error(dim: int) -> np.float32:
    """By how much a cosine may be off that was taken in float32 from vectors scaled to length 1 in float32.

    A sum of `dim` products is off by at most dim x 2^-24 of the product of the lengths (Higham 2002, 3.1), two lengths
    by half as much each; rounding of the scaled numbers and of eps is covered by the eight added.
    """
    return np.float32((dim + 8) * 2.0**-23)


def _decide(near: Bools, unsure: Ints, vectors: npt.NDArray[np.floating], stack: Stack) -> None:
    """Settle the pairs that float32 left open, given as places in `near`."""
    album, pair = np.divmod(unsure, stack.size * stack.size)
    i, j = np.divmod(pair, stack.size)
    row = np.full(stack.albums * stack.size, -1, np.int64)
    row[stack.place] = stack.rows
    one, other = row[album * stack.size + i], row[album * stack.size + j]
    real = (one >= 0) & (other >= 0)
    album, i, j, one, other = album[real], i[real], j[real], one[real], other[real]
    near[album, i, j] = 1.0 - cosine_rows(vectors[one], vectors[other]) <= stack.eps[album]
