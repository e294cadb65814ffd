"""What the friends' profiles of the last round say: a cluster that is a friend is not the owner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.exact import lengths

Ints = npt.NDArray[np.int64]
Halves = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float64]

FAR = 1.2  # of eps; beyond it a face is nobody's, and how far beyond says nothing
NEAR = 0.6  # of eps; centroids of one person lie within .3, the nearest friend of others at .8 and more (dlib)
SLOTS_A_CHUNK = 20_000  # profiles widened at a time: 82 MB of float64 at 512 numbers


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
    Each friend's row is read once a chunk of users, in ascending order. Dot products of float16 numbers are exact in
    float64, so no bit depends on the chunks.
    """
    result = FriendEvidence.unknown(len(owner))
    bounds = np.searchsorted(owner, np.arange(len(indptr)))
    busy = np.flatnonzero((np.diff(bounds) > 0) & (np.diff(indptr) > 0))
    load = np.cumsum(2 * np.diff(indptr)[busy])
    for users in np.split(busy, np.flatnonzero(np.diff(load // SLOTS_A_CHUNK)) + 1) if len(busy) else []:
        rows = np.concatenate([friend_rows[indptr[u] : indptr[u + 1]] for u in users]).astype(np.int64)
        wanted, position = np.unique(rows, return_inverse=True)
        wide = np.asarray(profiles[wanted]).astype(np.float64)
        length = np.sqrt(np.einsum("nsd,nsd->ns", wide, wide))
        ends = np.cumsum(np.diff(indptr)[users])
        for u, end in zip(users, ends, strict=True):
            mine = slice(bounds[u], bounds[u + 1])
            here = position[end - (indptr[u + 1] - indptr[u]) : end]
            _compare(result, mine, centroids[mine], wide[here], length[here], wanted[here], eps)
    return result


def _compare(
    result: FriendEvidence, mine: slice, middle: Halves, wide: Floats, length: Floats, rows: Ints, eps: float
) -> None:
    has = (length > 0).any(axis=1)
    if not has.any():
        return
    wide, length, rows = wide[has], length[has], rows[has]
    ours = middle.astype(np.float64)
    flat = wide.reshape(-1, wide.shape[2])
    scale = lengths(ours)[:, None] * np.where(length > 0, length, 1.0).reshape(1, -1)
    apart = (1.0 - (ours @ flat.T) / scale).reshape(len(ours), len(rows), -1)
    apart = np.where(length[None] > 0, apart, np.inf).min(axis=2) / eps
    nearest = apart.min(axis=1)
    result.friend_distance[mine] = np.clip(nearest, 0.0, FAR)
    result.friends_near[mine] = np.log1p((apart < NEAR).sum(axis=1))
    if apart.shape[1] > 1:
        first, second = np.partition(np.clip(apart, 0.0, FAR), 1, axis=1)[:, :2].T
        result.friend_runner_up[mine] = second - first
    candidates = np.where(apart == nearest[:, None], rows[None], np.iinfo(np.int64).max)
    result.nearest[mine] = candidates.min(axis=1)
