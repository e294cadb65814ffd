"""What friends' albums say of a face: who appears there as a guest, and who is at home there.

Stone, Zickler and Darrell (Autotagging Facebook, 2008) tell faces by whom they are photographed with. Here the same
knowledge is read from the clusters of the friends' albums, before anybody has a profile: an owner is a guest in the
albums of friends, a friend is at home in an album of their own and stands there on more photos than here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling import tables
from profiling.exact import lengths
from profiling.friend_evidence import NEAR
from profiling.runs import ranges

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Halves = npt.NDArray[np.float16]
Singles = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

CLUSTERS_A_CHUNK = 20_000  # friends' centroids widened at a time: 82 MB of float64 at 512 numbers


@dataclass(frozen=True)
class FriendsAlbums:
    """The clusters of the whole population in row order, usually memory-mapped.

    Parameters
    ----------
    offsets : int64 [users + 1], the clusters of the user of row r are ``offsets[r]:offsets[r + 1]``.
    centroids : float16 [clusters, dim]. shares : float32 [clusters], share of the album's photos that show each.
    """

    offsets: Ints
    centroids: Halves
    shares: Singles


@dataclass(frozen=True)
class CoOccurrence:
    """Evidence from friends' albums, float32 [clusters]; NaN where no friend's album has a cluster.

    Parameters
    ----------
    co_occurrence : logarithm of one more than the friends' albums in which this face appears as a guest, on a smaller
        share of the photos than here. Who meets the owner's friends, and is at home here, is the owner; a face from
        outside, a star or a stranger, is in none of them.
    friend_share : the largest share of a friend's album that shows this face, 0 where none does. Who fills a friend's
        album is that friend or of that friend's family: this holds before anyone has a profile, and friends who never
        get one are told by it too.
    """

    co_occurrence: Singles
    friend_share: Singles


def co_occurrence(
    owner: Ints, centroids: Halves, shares: Singles, indptr: Ints, friend_rows: Rows, albums: FriendsAlbums, eps: float
) -> CoOccurrence:
    """Look for each cluster in the albums of its owner's friends.

    Parameters
    ----------
    owner : int64 [clusters], place of the owner, ascending. centroids : float16 [clusters, dim].
    shares : float32 [clusters], share of the own album's photos.
    indptr, friend_rows : friends of the user at place u are ``friend_rows[indptr[u]:indptr[u + 1]]``, rows.
    eps : cosine distance that counts as one; centroids nearer than `NEAR` of it are one person.

    Notes
    -----
    Each friend's clusters are read once a chunk of users, in ascending order; memory is bounded by the chunk and the
    friends of one user. Products of float16 numbers are exact in float64: no bit depends on the chunks.
    """
    result = CoOccurrence(*(np.full(len(owner), np.nan, np.float32) for _ in tables.ACROSS_EVIDENCE))
    bounds = np.searchsorted(owner, np.arange(len(indptr)))
    for users in _chunks(bounds, indptr, friend_rows, albums.offsets):
        friends = np.concatenate([friend_rows[indptr[u] : indptr[u + 1]] for u in users]).astype(np.int64)
        there = _Gathered.of(albums, np.unique(friends))
        for u in users:
            mine = slice(bounds[u], bounds[u + 1])
            here = there.of_friends(friend_rows[indptr[u] : indptr[u + 1]].astype(np.int64))
            if len(here[1]):
                found = _held(centroids[mine], *here, eps)
                own = shares[mine].astype(np.float64)[:, None]
                result.co_occurrence[mine] = np.log1p(((found > 0) & (found < own)).sum(axis=1))
                result.friend_share[mine] = found.max(axis=1)
    return result


def add_across(clusters: pa.Table, across: pa.Table) -> pa.Table:
    """Table ``clusters`` of a bucket with the columns of its table ``co_occurrence``, which has the same rows."""
    for key in ("user_id", "cluster"):
        if not clusters[key].equals(across[key]):
            raise ValueError("co_occurrence: the rows are not those of the clusters")
    for name in tables.ACROSS_EVIDENCE:
        clusters = clusters.append_column(name, across[name])
    return clusters


@dataclass(frozen=True)
class _Gathered:
    """Clusters of some users: `rows` ascending, their clusters ``starts[i]:starts[i + 1]``, widened."""

    rows: Ints
    starts: Ints
    wide: Floats
    length: Floats
    shares: Floats

    @classmethod
    def of(cls, albums: FriendsAlbums, rows: Ints) -> _Gathered:
        first, last = np.asarray(albums.offsets[rows]), np.asarray(albums.offsets[rows + 1])
        place = ranges(first, last - first)
        wide = np.asarray(albums.centroids[place]).astype(np.float64)
        starts = np.concatenate([[0], np.cumsum(last - first)])
        return cls(rows, starts, wide, lengths(wide), np.asarray(albums.shares[place], np.float64))

    def of_friends(self, friends: Ints) -> tuple[Floats, Floats, Floats, Ints]:
        """Their clusters' vectors, lengths and shares, and the first cluster of each friend who has any."""
        at = np.searchsorted(self.rows, np.sort(friends))
        count = self.starts[at + 1] - self.starts[at]
        at, count = at[count > 0], count[count > 0]
        place = ranges(self.starts[at], count)
        return self.wide[place], self.length[place], self.shares[place], np.cumsum(count) - count


def _held(middle: Halves, wide: Floats, length: Floats, shares: Floats, first: Ints, eps: float) -> Floats:
    """The share of each friend's album that shows each of our clusters, float64 [clusters, friends]; 0 = not there."""
    ours = middle.astype(np.float64)
    apart = 1.0 - (ours @ wide.T) / (lengths(ours)[:, None] * length[None])
    return np.asarray(np.maximum.reduceat(np.where(apart < NEAR * eps, shares[None], 0.0), first, axis=1))


def _chunks(bounds: Ints, indptr: Ints, friend_rows: Rows, offsets: Ints) -> list[Ints]:
    """Users with clusters and friends, in runs whose friends have about `CLUSTERS_A_CHUNK` clusters."""
    busy = np.flatnonzero((np.diff(bounds) > 0) & (np.diff(indptr) > 0))
    if not len(busy):
        return []
    wanted = friend_rows.astype(np.int64)
    theirs = np.concatenate([[0], np.cumsum(np.asarray(offsets[wanted + 1]) - np.asarray(offsets[wanted]))])
    load = np.cumsum(theirs[indptr[busy + 1]] - theirs[indptr[busy]])
    return np.split(busy, np.flatnonzero(np.diff(load // CLUSTERS_A_CHUNK)) + 1)
