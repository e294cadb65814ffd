"""What a user's result of a round depends on, as a digest: equal digests, equal results, so that they can be copied.

Most users of a round stand where they stood in the round before, and most of a night's stand where they stood in the
generation before. A digest costs 8 bytes a friend, the result itself the friends' vectors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import Flags, Floats, Ints, find, integers
from profiling.claims import STATE
from profiling.scorer import RoundWeights

DIGEST_BYTES = 16  # two users' inputs are never compared, only one user's inputs of two moments
NO_PROFILE = np.uint64(0)  # of `profile_digests`

Halves = npt.NDArray[np.float16]
Digests = npt.NDArray[np.uint64]


def profile_digests(profiles: Halves) -> Digests:
    """A digest of each user's profiles, uint64 [users]; `NO_PROFILE` for a user without.

    Parameters
    ----------
    profiles : float16 [users, 2, dim], zeros = none. Only the first counts: what a second leader is, friends never ask.
    """
    profiles = profiles[:, :1]
    found = np.zeros(len(profiles), np.uint64)
    for user in np.flatnonzero(profiles.any(axis=(1, 2))):
        digest = hashlib.blake2b(np.ascontiguousarray(profiles[user]).tobytes(), digest_size=8).digest()
        found[user] = max(1, int.from_bytes(digest, "little"))
    return found


def rules_digest(weights: RoundWeights, asked: float, eps: float, logic: int = 0) -> bytes:
    """A digest of what all users of a round share: the weights, the margin asked for, the scale of distances."""
    numbers = [each.tolist() for each in (weights.means, weights.scales, weights.coefficients)]
    text = json.dumps([numbers, weights.intercept, asked, eps, logic])
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


@dataclass(frozen=True)
class RoundInputs:
    """What the results of a round depend on, besides the rules.

    Parameters
    ----------
    owner : int64 [clusters], place of the user, ascending.
    number, faces, photos : int64 [clusters]. centroids : float16 [clusters, dim].
    evidence : float64 [clusters, columns], what is known without friends' profiles.
    reasons : object [users], why each user, if without a cluster, has none.
    indptr, friend_rows : friends of the i-th user are ``friend_rows[indptr[i]:indptr[i + 1]]``, rows.
    friend_digests : uint64 [population], `profile_digests` of the last round; None in round 0.
    last : table ``profiles`` of the last round, None in round 0.
    """

    owner: Ints
    number: Ints
    faces: Ints
    photos: Ints
    centroids: Halves
    evidence: Floats
    reasons: npt.NDArray[np.object_]
    indptr: Ints
    friend_rows: npt.NDArray[np.int32]
    friend_digests: Digests | None
    last: pa.Table | None

    def digests(self, rules: bytes) -> list[bytes]:
        """`DIGEST_BYTES` bytes for each user; friends without a profile count nothing, nor do those of who has no
        cluster."""
        users = len(self.reasons)
        bounds = np.searchsorted(self.owner, np.arange(users + 1))
        own = _as_bytes(
            [self.number[:, None], self.faces[:, None], self.photos[:, None], self.centroids, self.evidence]
        )
        state = _as_bytes([integers(self.last[name])[:, None] for name in STATE] if self.last is not None else [])
        friends = _Friends.of(self)
        found = []
        for user in range(users):
            mine = own[bounds[user] : bounds[user + 1]]
            digest = hashlib.blake2b(rules, digest_size=DIGEST_BYTES)
            digest.update(f"{self.reasons[user]} {len(mine)} ".encode())
            digest.update(mine.tobytes())
            digest.update(state[user].tobytes() if len(state) else b"first")
            digest.update(friends.of_user(user) if len(mine) else b"")
            found.append(digest.digest())
        return found


@dataclass(frozen=True)
class _Friends:
    """Row and profile's digest of each user's friends that have one."""

    bounds: Ints
    pairs: npt.NDArray[np.uint64]  # [friends with a profile, 2]

    @classmethod
    def of(cls, inputs: RoundInputs) -> _Friends:
        if inputs.friend_digests is None:
            return cls(np.zeros(len(inputs.indptr), np.int64), np.zeros((0, 2), np.uint64))
        wanted, place = np.unique(inputs.friend_rows, return_inverse=True)
        digest = np.asarray(inputs.friend_digests[wanted], np.uint64)[place]
        there = digest != NO_PROFILE
        bounds = np.concatenate([[0], np.cumsum(there)])[inputs.indptr]
        return cls(bounds, np.stack([inputs.friend_rows[there].astype(np.uint64), digest[there]], axis=1))

    def of_user(self, user: int) -> bytes:
        return self.pairs[self.bounds[user] : self.bounds[user + 1]].tobytes()


@dataclass(frozen=True)
class Copies:
    """Results that were found for the same inputs.

    Parameters
    ----------
    known : bool [users]. scores, profiles : their rows, any order.
    """

    known: Flags
    scores: pa.Table
    profiles: pa.Table


def find_copies(user_id: Ints, digests: Sequence[bytes], earlier: Sequence[tuple[pa.Table, pa.Table]]) -> Copies | None:
    """The results, among pairs of tables ``scores`` and ``profiles`` of other rounds or generations, that hold here.

    Parameters
    ----------
    user_id : int64 [users], ascending. digests : of the same users.
    earlier : pairs of tables, the first that knows a user's digest gives the rows. Their users may be others.
    """
    known = np.zeros(len(user_id), np.bool_)
    scores, profiles = [], []
    for their_scores, their_profiles in earlier:
        place, same = _match(user_id, digests, their_profiles)
        same &= ~known[place] if len(known) else same
        known[place[same]] = True
        profiles.append(their_profiles.filter(pa.array(same)))
        mine = find(integers(their_scores["user_id"]), np.sort(integers(profiles[-1]["user_id"])))[1]
        scores.append(their_scores.filter(pa.array(mine)))
    return Copies(known, pa.concat_tables(scores), pa.concat_tables(profiles)) if known.any() else None


def count_known(made: pa.Table, earlier: Sequence[pa.Table]) -> int:
    """How many users of a table ``profiles`` have an `input_digest` that an earlier one knows."""
    known = np.zeros(len(made), np.bool_)
    for theirs in earlier:
        place, same = _match(integers(made["user_id"]), made["input_digest"].to_pylist(), theirs)
        known[place[same]] = True
    return int(np.count_nonzero(known))


def _match(user_id: Ints, digests: Sequence[bytes], theirs: pa.Table) -> tuple[Ints, Flags]:
    """For each of their rows the place of its user here, and whether the digests agree."""
    place, same = find(integers(theirs["user_id"]), user_id)
    found = np.array(theirs["input_digest"].to_pylist(), object)
    same[same] = found[same] == np.array(digests, object)[place[same]]
    return place, same


def _as_bytes(columns: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.uint8]:
    """Matrices of equally many rows, side by side as bytes, uint8 [rows, width]."""
    pieces = [np.ascontiguousarray(each).view(np.uint8).reshape(len(each), -1) for each in columns if each.size]
    return np.concatenate(pieces, axis=1) if pieces else np.zeros((0, 0), np.uint8)
