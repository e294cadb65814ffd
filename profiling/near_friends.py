"""Which friends' profiles can matter to a cluster: users with about as many friends side by side in one product.

Products are taken in float32 and leave only the pairs that a cluster's evidence can depend on, but for float32's error:
those within reach, and the nearest friend wherever that is. Of some seventy friends one or two remain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.exact import widen
from profiling.neighbourhoods import float32_error, padded_sizes
from profiling.runs import fresh

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Halves = npt.NDArray[np.float16]
Singles = npt.NDArray[np.float32]

BLOCK = 2_048  # profiles widened at a time: 1 MB at 128 numbers, which stays in the processor's cache
NO_ONE = np.float32(-4)  # added to the cosine of a profile that is none
LEAST = np.float32(-2)  # below any cosine, above any of `NO_ONE`


@dataclass(frozen=True)
class Gathered:
    """Friends' profiles of some users, each read once, in ascending order of rows.

    Parameters
    ----------
    rows : int64 [m], ascending. profiles : float16 [m + 1, slots, dim], the last all zeros.
    position : int64 [friends + 1], where each friend of the users stands, one user after the other; then m.
    """

    rows: Ints
    profiles: Halves
    position: Ints

    @classmethod
    def of(cls, profiles: Halves, friends: Rows) -> Gathered:
        """Read the profiles of some friends, repeats welcome."""
        order = np.argsort(friends)
        ascending = friends[order]
        first = fresh(ascending)
        rows = ascending[first].astype(np.int64)
        position = np.empty(len(order) + 1, np.int64)
        position[order] = np.cumsum(first) - 1
        position[-1] = len(rows)
        read = np.zeros((len(rows) + 1, *profiles.shape[1:]), np.float16)
        read[:-1] = profiles[rows]
        return cls(rows, read, position)


@dataclass(frozen=True)
class Candidates:
    """Pairs that matter, sorted by nothing: cluster, place in `Gathered.rows`, and slot, int64 [pairs] each.

    with_profile : int64 [users], how many of the friends have a profile.
    """

    cluster: Ints
    friend: Ints
    slot: Ints
    with_profile: Ints


def near_friends(
    there: Gathered, count: Ints, clusters: Ints, bounds: Ints, centroids: Halves, length: npt.NDArray[np.float64],
    reach: float,
) -> Candidates:  # fmt: skip
    """The pairs of a cluster and a friend's profile that are within `reach` or may be the cluster's nearest.

    Parameters
    ----------
    there : the friends of some users. count : int64 [users], friends of each.
    clusters : int64 [users], clusters of each, those of user u from ``bounds[u]`` on.
    centroids : float16 [all clusters, dim]. length : float64 [all clusters].
    reach : cosine distance.
    """
    starts = np.cumsum(count) - count
    found, known = [], np.zeros(len(count), np.int64)
    for users, size in _blocks(count, clusters):
        about = (starts[users], count[users], clusters[users], bounds[users], size)
        *pairs, known[users] = _of_block(there, *about, centroids, length, reach)
        found.append(pairs)
    cluster, friend, slot = (np.concatenate(each) for each in zip(*found, strict=True))
    return Candidates(cluster, friend, slot, known)


def _blocks(count: Ints, clusters: Ints) -> Iterator[tuple[Ints, int]]:
    """Users of like numbers of friends and clusters, and the friends that each has room for."""
    padded = padded_sizes(count)
    order = np.lexsort((clusters, padded))
    for size in np.unique(padded).tolist():
        alike = order[np.searchsorted(padded[order], size) : np.searchsorted(padded[order], size, "right")]
        step = max(1, BLOCK // size)
        for first in range(0, len(alike), step):
            yield alike[first : first + step], size


def _of_block(
    there: Gathered, start: Ints, count: Ints, clusters: Ints, bounds: Ints, size: int, centroids: Halves,
    length: npt.NDArray[np.float64], reach: float,
) -> tuple[Ints, Ints, Ints, Ints]:  # fmt: skip
    nth, most = np.arange(size), int(clusters.max())
    friend = there.position[np.where(nth < count[:, None], start[:, None] + nth, len(there.position) - 1)]
    _, slots, dim = there.profiles.shape
    wide = widen(there.profiles.take(friend.ravel(), axis=0)).reshape(len(count), size * slots, dim)
    square = np.einsum("bfd,bfd->bf", wide, wide)
    scale = np.where(square > 0, 1 / np.sqrt(np.where(square > 0, square, 1)), np.float32(0))
    place = np.arange(most)
    real = place < clusters[:, None]
    place = np.where(real, bounds[:, None] + place, 0)
    ours = widen(centroids.take(place.ravel(), axis=0)) * (1 / length[place.ravel()]).astype(np.float32)[:, None]
    cosine = ours.reshape(len(count), most, dim) @ wide.transpose(0, 2, 1)
    cosine *= scale[:, None]
    cosine += np.where(square > 0, np.float32(0), NO_ONE)[:, None]
    error = float32_error(dim)
    least = np.minimum(cosine.max(axis=2) - 2 * error, np.float32(1 - reach) - error)
    least = np.where(real, np.maximum(least, LEAST), np.float32(np.inf))
    pair = np.flatnonzero(cosine >= least[:, :, None])
    cluster, column = np.divmod(pair, size * slots)
    user = cluster // most
    known = (square > 0).reshape(len(count), size, slots).any(axis=2).sum(axis=1)
    return place.ravel()[cluster], friend[user, column // slots], column % slots, known
