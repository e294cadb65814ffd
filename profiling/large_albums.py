"""DBSCAN of one album that is too large to hold all its distances at once: in blocks of rows, three times over."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from profiling.exact import lengths

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]

BLOCK = 4_000_000  # distances held at once (32 MB)


def label_large(vectors: npt.NDArray[np.floating], eps: float, min_samples: int, weight: Ints) -> Labels:
    """Labels of one album, as `dbscan_albums`: int32 [n].

    Parameters
    ----------
    vectors : [n, dim]. eps : cosine distance. weight : int64 [n].
    """
    n = len(vectors)
    reached = np.zeros(n, np.int64)
    for i, j in _pairs(vectors, eps):
        reached += np.bincount(i, weights=weight[j], minlength=n).astype(np.int64)
    core = reached >= min_samples
    if not core.any():
        return np.full(n, -1, np.int32)
    forest = [_spanning(i, j, core) for i, j in _pairs(vectors, eps)]
    component = _components(n, np.concatenate([f[0] for f in forest]), np.concatenate([f[1] for f in forest]))
    cluster = _number(component, core)
    far = np.iinfo(np.int32).max
    border = np.full(n, far, np.int32)
    for i, j in _pairs(vectors, eps):
        edge = core[j] & ~core[i]
        np.minimum.at(border, i[edge], cluster[j[edge]])
    return np.where(core, cluster, np.where(border < far, border, -1)).astype(np.int32)


def _pairs(vectors: npt.NDArray[np.floating], eps: float) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (i, j) within eps, (i, i) always among them; in blocks that hold all j of their i."""
    wide, length = vectors.astype(np.float64), lengths(vectors)
    n = len(wide)
    step = max(1, BLOCK // n)
    for top in range(0, n, step):
        bottom = min(top + step, n)
        cosine = wide[top:bottom] @ wide.T
        cosine /= length[top:bottom, None] * length[None, :]
        near = 1.0 - cosine <= eps
        near[np.arange(bottom - top), np.arange(top, bottom)] = True
        i, j = np.nonzero(near)
        yield i + top, j


def _spanning(i: Ints, j: Ints, core: Bools) -> tuple[Ints, Ints]:
    """Edges between cores thinned to as many as there are faces, with the same components."""
    both = core[i] & core[j]
    i, j = i[both], j[both]
    if len(i) <= len(core):
        return i, j
    component = _components(len(core), i, j)
    _, anchor = np.unique(component, return_index=True)
    return np.arange(len(core)), anchor[component]


def _components(n: int, i: Ints, j: Ints) -> Labels:
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


def _number(component: Labels, core: Bools) -> Labels:
    """Each core's cluster, counted by first core; -1 for all others."""
    where = np.flatnonzero(core)
    _, first, inverse = np.unique(component[where], return_index=True, return_inverse=True)
    position = np.empty(len(first), np.int32)
    position[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    cluster = np.full(len(core), -1, np.int32)
    cluster[where] = position[inverse]
    return cluster
