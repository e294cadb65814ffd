"""What the friends' profiles of the last round say: a cluster that is a friend is not the owner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.exact import dot_rows, lengths
from profiling.near_friends import Candidates, Gathered, near_friends
from profiling.runs import fresh, ranges

Ints = npt.NDArray[np.int64]
Halves = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float64]

FAR = 1.2  # of eps; beyond it a face is nobody's, and how far beyond says nothing
NEAR = 0.6  # of eps; centroids of one person lie within .3, the nearest friend of others at .8 and more (dlib)
READ_BYTES = 32 << 20  # of friends' profiles held at a time, whatever the number of users


@dataclass(frozen=True)
class FriendEvidence:
    """Arrays [clusters]; NaN and -1 where no friend has a profile.

    Parameters
    ----------
    friend_distance : float32, cosine distance of the centroid to the nearest friend's profile over eps, at most `FAR`.
    friends_near : float32, logarithm of one more than the friends whose profile is nearer than `NEAR`: a face that
        leads many friends' albums belongs to one of them or to a celebrity, not to this owner.
    friend_runner_up : float32, how much nearer the nearest friend's profile is than the second nearest friend's, over
        eps, both at most `FAR`: a face that is near to one friend alone is that friend; one that is as far from many
        is nobody's in particular. NaN with fewer than two friends' profiles.
    nearest : int64, row of that nearest friend (the smallest of equals).
    """

    friend_distance: npt.NDArray[np.float32]
    friends_near: npt.NDArray[np.float32]
    friend_runner_up: npt.NDArray[np.float32]
    nearest: Ints

    @classmethod
    def unknown(cls, clusters: int) -> FriendEvidence:
        """Of round 0."""
        nothing = np.full(clusters, np.nan, np.float32)
        return cls(nothing, nothing.copy(), nothing.copy(), np.full(clusters, -1, np.int64))


def friend_evidence(
    owner: Ints, centroids: Halves, indptr: Ints, friend_rows: npt.NDArray[np.int32], profiles: Halves, eps: float
) -> FriendEvidence:
    """Compare each cluster with the profiles of its owner's friends.

    Parameters
    ----------
    owner : int64 [clusters], place of the owner, ascending. centroids : float16 [clusters, dim].
    indptr, friend_rows : friends of the user at place u are ``friend_rows[indptr[u]:indptr[u + 1]]``, rows.
    profiles : float16 [population, 2, dim], usually memory-mapped; zeros = none.
    eps : cosine distance that counts as one.

    Notes
    -----
    Each friend's row is read once for a run of users, in ascending order. Which friends matter is found in float32, and
    their distances are taken in float64, where dot products of float16 numbers are exact: no bit depends on the runs.
    """
    result = FriendEvidence.unknown(len(owner))
    bounds = np.searchsorted(owner, np.arange(len(indptr)))
    length = lengths(centroids)
    busy = np.flatnonzero((np.diff(bounds) > 0) & (np.diff(indptr) > 0))
    load = np.cumsum(np.diff(indptr)[busy]) * (profiles[:1].nbytes // max(1, len(profiles[:1])))
    for users in np.split(busy, np.flatnonzero(np.diff(load // READ_BYTES)) + 1) if len(busy) else []:
        count = np.diff(indptr)[users]
        there = Gathered.of(profiles, friend_rows[ranges(indptr[users], count)])
        clusters = np.diff(bounds)[users]
        pairs = near_friends(there, count, clusters, bounds[users], centroids, length, FAR * eps)
        several = pairs.with_profile > 1
        result.friend_runner_up[ranges(bounds[users][several], clusters[several])] = FAR  # until a nearer one is found
        _judge(result, there, pairs, centroids, length, eps)
    return result


def _judge(
    result: FriendEvidence, there: Gathered, pairs: Candidates, middle: Halves, length: Floats, eps: float
) -> None:
    """Fill in the clusters of some users from their pairs with friends that matter."""
    theirs = there.profiles[pairs.friend, pairs.slot]
    scale = length[pairs.cluster] * np.sqrt(dot_rows(theirs, theirs))
    apart = (1.0 - dot_rows(middle[pairs.cluster], theirs) / scale) / eps
    order = np.lexsort((apart, pairs.friend, pairs.cluster))
    cluster, friend, apart = pairs.cluster[order], pairs.friend[order], apart[order]
    once = fresh(cluster) | fresh(friend)  # of two profiles of a friend the nearer one counts
    cluster, friend, apart = cluster[once], friend[once], apart[once]
    start = np.flatnonzero(fresh(cluster))
    if not len(start):
        return
    known = cluster[start]
    nearest = np.minimum.reduceat(apart, start)
    first = np.clip(nearest, 0.0, FAR)
    result.friend_distance[known] = first
    result.friends_near[known] = np.log1p(np.add.reduceat(apart < NEAR, start, dtype=np.int64))
    same = np.repeat(nearest, np.diff(np.append(start, len(cluster)))) == apart
    rows = np.where(same, there.rows[friend], np.iinfo(np.int64).max)
    result.nearest[known] = np.minimum.reduceat(rows, start)
    by_distance = np.lexsort((apart, cluster))
    more = np.diff(np.append(start, len(cluster))) > 1
    second = np.full(len(known), FAR)
    second[more] = np.clip(apart[by_distance][start[more] + 1], 0.0, FAR)
    several = ~np.isnan(result.friend_runner_up[known])
    result.friend_runner_up[known[several]] = (second - first)[several]
