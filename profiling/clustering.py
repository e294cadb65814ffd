"""DBSCAN (Ester et al. 1996) for many albums at once, by cosine distance.

The labels are those of scikit-learn's ``DBSCAN(eps, min_samples=…, metric="cosine")`` run on each album alone, border
points included. Vectors that come as float16 are compared exactly (`neighbourhoods.py`), so that no BLAS, number of
threads or order of rows changes a label.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from profiling.large_albums import label_large
from profiling.neighbourhoods import Bools, Ints, Scratch, near_pairs, stacks, strips

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
        heavy = np.ones(stack.albums * stack.size, np.int64)  # an empty row is at most a cluster after all others
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
    near : bool [albums, size, size] as `near_pairs` gives it: a pair stands once; not in bits 1 or 2 of `scratch`.
    weight : int64 [albums, size], at least 0.

    Returns
    -------
    int32 [albums, size], as `dbscan_albums`.
    """
    reached = _reached(near, weight, scratch)
    core = reached >= min_samples
    if weight.all() and not ((reached > weight) & ~core).any():  # who is no core has no neighbour
        return _number(_roots(near, scratch), core)
    link = np.logical_and(near, core[:, None, :], out=scratch.bits(1, near.shape))
    link &= core[:, :, None]
    labels = _number(_roots(link, scratch), core)
    mixed = np.not_equal(core[:, :, None], core[:, None, :], out=scratch.bits(2, near.shape))
    mixed &= near
    i, j = _pairs(mixed)
    _join_border(labels.reshape(-1), core.ravel(), i, j)
    return labels


def _reached(near: Bools, weight: Ints, scratch: Scratch) -> Ints:
    """Weight of each neighbourhood: of its row, and of its column below the row's strip."""
    if weight.max(initial=0) > 1:
        wide, heavy = near.astype(np.float64), weight.astype(np.float64)
        found = np.matmul(wide, heavy[:, :, None])[:, :, 0]
        for top, bottom in strips(near.shape[1]):
            found[:, :top] += np.matmul(heavy[:, None, top:bottom], wide[:, top:bottom, :top])[:, 0]
        return np.asarray(found, np.int64)
    helps = None if weight.all() else weight > 0
    counted = near if helps is None else np.logical_and(near, helps[:, None, :], out=scratch.bits(1, near.shape))
    total = np.add.reduce(counted.view(np.uint8), axis=2, dtype=np.uint16)
    counted = near if helps is None else np.logical_and(near, helps[:, :, None], out=scratch.bits(1, near.shape))
    for top, bottom in strips(near.shape[1]):
        total[:, :top] += np.add.reduce(counted.view(np.uint8)[:, top:bottom, :top], axis=1, dtype=np.uint8)
    return np.asarray(total, np.int64)


def _roots(link: Bools, scratch: Scratch) -> Ints:
    """First core of each core's cluster, as a position in its album, int64 [albums, size]; itself for a core of none.

    `link` joins cores alone. Each core points to the first core that it reaches, which is never a later one, pointers
    are followed to their ends, and what near cores still disagree on, which is little, is joined as a graph.
    """
    albums, size, _ = link.shape
    base = np.arange(0, albums * size, size)[:, None]
    root = (link.argmax(axis=2) + base).ravel()
    while not np.array_equal(further := root[root], root):
        root = further
    short = (root.reshape(albums, size) - base).astype(np.min_scalar_type(size - 1))  # bytes are compared the fastest
    apart = np.not_equal(short[:, :, None], short[:, None, :], out=scratch.bits(2, link.shape))
    apart &= link
    return np.asarray(_join(root, *_pairs(apart)).reshape(albums, size) - base, np.int64)


def _number(root: Ints, core: Bools) -> Labels:
    """Clusters by first core, from each core's `root`; -1 for who is no core."""
    albums, size = core.shape
    first = core & (root == np.arange(size))
    number = (np.cumsum(first, axis=1, dtype=np.int32) - 1).ravel()
    return np.where(core, number[root + np.arange(0, albums * size, size)[:, None]], np.int32(-1))


def _join_border(labels: Labels, core: Bools, i: Ints, j: Ints) -> None:
    """Give the first of its neighbours' labels to who is no core; of each pair (i, j) one is. Flat, in place."""
    face, reached = np.where(core[i], j, i), np.where(core[i], i, j)
    first = np.full(len(labels), np.iinfo(np.int32).max, np.int32)
    np.minimum.at(first, face, labels[reached])
    labels[face] = first[face]


def _pairs(bits: Bools) -> tuple[Ints, Ints]:
    """The rows and columns set in [albums, size, size], as album x size + position."""
    size = bits.shape[2]
    row, column = np.divmod(np.flatnonzero(bits), size)  # on flat bits it is six times as fast as np.nonzero
    return row, row // size * size + column


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
