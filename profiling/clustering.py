"""DBSCAN (Ester et al. 1996) for many albums at once, by cosine distance.

The labels are those of scikit-learn's ``DBSCAN(eps, min_samples=…, metric="cosine")`` run on each album alone, border
points included. Vectors that come as float16 are multiplied exactly (`exact.py`), so that no BLAS, number of threads or
order of rows changes a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from profiling.exact import lengths

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BLOCK = 4_000_000  # distances held at once (32 MB); an album of 2,000 faces fits in one block


def dbscan_albums(
    vectors: npt.NDArray[np.floating],
    offsets: npt.NDArray[np.integer],
    eps: npt.NDArray[np.floating],
    min_samples: int,
    weights: npt.NDArray[np.integer] | None = None,
) -> npt.NDArray[np.int32]:
    """Labels of all faces of all albums.

    Parameters
    ----------
    vectors : [n, dim], any length but zero (they are divided by it); album a is rows ``offsets[a]:offsets[a + 1]``.
    offsets : [albums + 1], from 0 to n, never falling.
    eps : [albums], cosine distance (0 to 2) within which two faces are neighbours.
    min_samples : weight of a neighbourhood, the face itself included, that makes a core.
    weights : [n] or None (all 1); 0 = a face that joins clusters but helps none to exist (near-duplicates).

    Returns
    -------
    int32 [n], within each album from 0 in the order of each cluster's first core; -1 = noise. A face within reach of
    several clusters without being a core goes to the first of them.

    Notes
    -----
    Time is quadratic in the faces of an album, memory is bounded by `BLOCK` distances and, per album, by
    faces x blocks; a Python step an album, none a face.
    """
    n = len(vectors)
    weight = np.ones(n, np.int64) if weights is None else np.asarray(weights, np.int64)
    bounds = np.asarray(offsets, np.int64)
    wanted = np.asarray(eps, np.float64)
    labels = np.full(n, -1, np.int32)
    for first, last in _batches(np.diff(bounds)):
        span = slice(bounds[first], bounds[last])
        local = bounds[first : last + 1] - bounds[first]
        reach = _Reach(vectors[span].astype(np.float64), lengths(vectors[span]), local, wanted[first:last])
        labels[span] = _label(reach, min_samples, weight[span])
    return labels


@dataclass(frozen=True)
class _Reach:
    """Which faces of a run of albums lie within eps of each other."""

    wide: Floats
    length: Floats
    bounds: Ints
    eps: Floats

    def pairs(self) -> Iterator[tuple[Ints, Ints]]:
        """Pairs (i, j) of one album within its eps, (i, i) always among them; in blocks that hold all j of their i."""
        if len(self.bounds) > 2:
            blocks = [
                self._block(*album)
                for album in zip(self.bounds, self.bounds[1:], self.bounds, self.bounds[1:], self.eps, strict=False)
            ]
            yield np.concatenate([block[0] for block in blocks]), np.concatenate([block[1] for block in blocks])
            return
        n = len(self.wide)
        step = max(1, BLOCK // max(n, 1))
        for start in range(0, n, step):
            yield self._block(start, min(start + step, n), 0, n, float(self.eps[0]))

    def _block(self, top: int, bottom: int, left: int, right: int, eps: float) -> tuple[Ints, Ints]:
        cosine = self.wide[top:bottom] @ self.wide[left:right].T
        cosine /= self.length[top:bottom, None] * self.length[None, left:right]
        near = 1.0 - cosine <= eps
        near[np.arange(bottom - top), np.arange(top, bottom) - left] = True
        i, j = np.nonzero(near)
        return i + top, j + left


def _batches(sizes: Ints) -> Iterator[tuple[int, int]]:
    """Runs of albums [first, last) with at most `BLOCK` distances together, or one album that has more."""
    first, total = 0, 0
    for album, size in enumerate(sizes.tolist()):
        if album > first and total + size * size > BLOCK:
            yield first, album
            first, total = album, 0
        total += size * size
    if first < len(sizes):
        yield first, len(sizes)


def _label(reach: _Reach, min_samples: int, weight: Ints) -> npt.NDArray[np.int32]:
    n = len(reach.wide)
    blocks: Iterable[tuple[Ints, Ints]] = reach.pairs()
    if len(reach.bounds) > 2 or n * n <= BLOCK:
        blocks = list(blocks)  # one block, held; a larger album is multiplied a second and a third time instead
    reached = np.zeros(n, np.int64)
    for i, j in blocks:
        reached += np.bincount(i, weights=weight[j], minlength=n).astype(np.int64)
    core = reached >= min_samples
    if not core.any():
        return np.full(n, -1, np.int32)
    held = isinstance(blocks, list)
    forest = [_spanning(i, j, core) for i, j in (blocks if held else reach.pairs())]
    component = _components(n, np.concatenate([f[0] for f in forest]), np.concatenate([f[1] for f in forest]))
    cluster = _number(component, core, reach.bounds)
    far = np.iinfo(np.int32).max
    border = np.full(n, far, np.int32)
    for i, j in blocks if held else reach.pairs():
        edge = core[j] & ~core[i]
        np.minimum.at(border, i[edge], cluster[j[edge]])
    return np.where(core, cluster, np.where(border < far, border, -1)).astype(np.int32)


def _spanning(i: Ints, j: Ints, core: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Edges between cores thinned to as many as there are faces, with the same components."""
    both = core[i] & core[j]
    i, j = i[both], j[both]
    if len(i) <= len(core):
        return i, j
    component = _components(len(core), i, j)
    _, anchor = np.unique(component, return_index=True)
    return np.arange(len(core)), anchor[component]


def _components(n: int, i: Ints, j: Ints) -> npt.NDArray[np.int32]:
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


def _number(component: npt.NDArray[np.int32], core: npt.NDArray[np.bool_], bounds: Ints) -> npt.NDArray[np.int32]:
    """Each core's cluster, counted within its album by first core; -1 for all others."""
    where = np.flatnonzero(core)
    _, first, inverse = np.unique(component[where], return_index=True, return_inverse=True)
    by_first = np.argsort(first, kind="stable")
    position = np.empty(len(first), np.int64)
    position[by_first] = np.arange(len(first))
    album = np.searchsorted(bounds, where, side="right") - 1
    start = np.searchsorted(album[first[by_first]], np.arange(len(bounds) - 1))
    cluster = np.full(len(core), -1, np.int32)
    cluster[where] = position[inverse] - start[album]
    return cluster
