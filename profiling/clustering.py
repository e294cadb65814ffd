"""DBSCAN (Ester et al. 1996) for many albums at once, by cosine distance.

The labels are those of scikit-learn's ``DBSCAN(eps, min_samples=…, metric="cosine")`` run on each album alone, border
points included. Vectors that come as float16 are compared exactly (`neighbourhoods.py`), so that no BLAS, number of
threads or order of rows changes a label.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from profiling.large_albums import label_large
from profiling.neighbourhoods import Bools, Ints, Scratch, near_pairs, stacks

LARGE = 2000  # faces; an album that has more is not held as one matrix (4 MB of bits, 16 MB of products)
Labels = npt.NDArray[np.int32]


def dbscan_albums(
    vectors: npt.NDArray[np.floating],
    offsets: npt.NDArray[np.integer],
    eps: npt.NDArray[np.floating],
    min_samples: int,
    weights: npt.NDArray[np.integer] | None = None,
) -> Labels:
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
    Time is quadratic in the faces of an album. Albums of up to `LARGE` faces are done side by side, without a Python
    step for an album; larger ones one by one, in blocks.
    """
    weight = np.ones(len(vectors), np.int64) if weights is None else np.asarray(weights, np.int64)
    bounds, wanted = np.asarray(offsets, np.int64), np.asarray(eps, np.float64)
    labels = np.full(len(vectors), -1, np.int32)
    large, scratch = np.diff(bounds) > LARGE, Scratch()
    for stack in stacks(bounds, wanted, np.flatnonzero(~large)):
        heavy = np.zeros(stack.albums * stack.size, np.int64)
        heavy[stack.place] = weight[stack.rows]
        found = label_near(near_pairs(vectors, stack, scratch), heavy.reshape(stack.albums, -1), min_samples, scratch)
        labels[stack.rows] = found.ravel()[stack.place]
    for album in np.flatnonzero(large).tolist():
        rows = slice(bounds[album], bounds[album + 1])
        labels[rows] = label_large(vectors[rows], float(wanted[album]), min_samples, weight[rows])
    return labels


def label_near(near: Bools, weight: Ints, min_samples: int, scratch: Scratch) -> Labels:
    """DBSCAN's labels from who is near whom.

    Parameters
    ----------
    near : bool [albums, size, size], symmetric, true on the diagonal; not in bits 1 or 2 of `scratch`.
    weight : int64 [albums, size], at least 0.

    Returns
    -------
    int32 [albums, size], as `dbscan_albums`.
    """
    core = _reached(near, weight, scratch) >= min_samples
    link = np.logical_and(near, core[:, None, :], out=scratch.bits(1, near.shape))  # who reaches which core
    first = link.argmax(axis=2)
    joins = np.take_along_axis(link, first[:, :, None], axis=2)[:, :, 0]  # False: reaches none
    root = _roots(link, core, first, scratch)
    number = np.cumsum(core & (root == np.arange(core.shape[1])), axis=1) - 1
    labels = np.where(core, np.take_along_axis(number, root, axis=1), -1).astype(np.int32)
    album, row = np.nonzero(joins & ~core)
    if len(album):
        reached = np.where(link[album, row], labels[album], np.iinfo(np.int32).max)
        labels[album, row] = reached.min(axis=1)
    return labels


def _reached(near: Bools, weight: Ints, scratch: Scratch) -> Ints:
    """Weight of each neighbourhood."""
    if weight.max(initial=0) > 1:
        heavy = np.matmul(near.astype(np.float64), weight[:, :, None].astype(np.float64))
        return np.asarray(heavy[:, :, 0], np.int64)
    helps = (weight > 0)[:, None, :]
    counted = near if weight.all() else np.logical_and(near, helps, out=scratch.bits(1, near.shape))
    return np.asarray(np.add.reduce(counted.view(np.uint8), axis=2, dtype=np.uint16), np.int64)


def _roots(link: Bools, core: Bools, first: Ints, scratch: Scratch) -> Ints:
    """First core of each core's cluster, as a position in its album; anything for the others.

    Each core points to the first core that it reaches, pointers are followed to their ends, and what near cores still
    disagree on, which is little, is joined as a graph.
    """
    albums, size = core.shape
    root = np.where(core, first, np.arange(size))
    while True:
        further = np.take_along_axis(root, root, axis=1)
        if np.array_equal(further, root):
            break
        root = further
    short = root.astype(np.int16)
    apart = np.not_equal(short[:, :, None], short[:, None, :], out=scratch.bits(2, link.shape))
    apart &= link
    apart &= core[:, :, None]
    if not apart.any():
        return root
    album, pair = np.divmod(np.flatnonzero(apart), size * size)  # on flat bits it is six times as fast as np.nonzero
    i, j = np.divmod(pair, size)
    base = np.arange(albums)[:, None] * size
    whole = _join((root + base).ravel(), album * size + i, album * size + j)
    return np.asarray(whole.reshape(albums, size) - base, np.int64)


def _join(root: Ints, i: Ints, j: Ints) -> Ints:
    """Roots after the edges (i, j) were added: the smaller root of two becomes the other's, until all edges agree."""
    while len(i):
        one, other = root[i], root[j]
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(further := root[root], root):
            root = further
        apart = root[i] != root[j]
        i, j = i[apart], j[apart]
    return root
