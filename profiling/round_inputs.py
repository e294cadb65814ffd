"""What a user's result of a round depends on, as a digest: equal digests, equal results, so that they can be copied.

Most users of a round stand where they stood in the round before, and most of a night's stand where they stood in the
generation before. A digest costs 8 bytes a friend, the result itself the friends' vectors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

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
        count = np.diff(bounds)
        own = _Runs.of(
            _as_bytes([self.number[:, None], self.faces[:, None], self.photos[:, None], self.centroids, self.evidence]),
            bounds,
        )
        last = [integers(self.last[name])[:, None] for name in STATE] if self.last is not None else []
        state = _Runs.of(_as_bytes(last), np.arange(users + 1) if last else np.zeros(users + 1, np.int64))
        friends = _friends(self, count > 0)
        first = b"" if last else b"first"
        heads = [
            f"{reason} {clusters} ".encode() for reason, clusters in zip(self.reasons, count.tolist(), strict=True)
        ]
        return [
            hashlib.blake2b(b"".join((rules, head, mine, before, first, theirs)), digest_size=DIGEST_BYTES).digest()
            for head, mine, before, theirs in zip(heads, own, state, friends, strict=True)
        ]


@dataclass(frozen=True)
class _Runs:
    """The bytes of each user's run of rows."""

    data: memoryview
    edges: list[int]

    @classmethod
    def of(cls, rows: npt.NDArray[np.generic], bounds: Ints) -> _Runs:
        """`rows` [n, …]; those of user u are ``bounds[u]:bounds[u + 1]``."""
        width = rows[:1].nbytes
        return cls(memoryview(np.ascontiguousarray(rows).view(np.uint8).reshape(-1).data), (bounds * width).tolist())

    def __iter__(self) -> Iterator[memoryview]:
        return (self.data[first:last] for first, last in pairwise(self.edges))


def _friends(inputs: RoundInputs, wanted: Flags) -> _Runs:
    """Row and profile's digest, uint64 each, of the friends that have one, of the users who are `wanted`."""
    if inputs.friend_digests is None:
        return _Runs.of(np.zeros((0, 2), np.uint64), np.zeros(len(inputs.indptr), np.int64))
    ascending = np.argsort(inputs.friend_rows)  # as a memory map is read best
    digest = np.empty(len(ascending), np.uint64)
    digest[ascending] = inputs.friend_digests[inputs.friend_rows[ascending]]
    there = (digest != NO_PROFILE) & np.repeat(wanted, np.diff(inputs.indptr))
    bounds = np.concatenate([[0], np.cumsum(there)])[inputs.indptr]
    return _Runs.of(np.stack([inputs.friend_rows[there].astype(np.uint64), digest[there]], axis=1), bounds)


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
