"""Profiles that many users share: a celebrity, a carpet or a broken network, not a member.

Joint accounts, twins and couples explain a handful of users with one face; a hub is near the profiles of many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from profiling.hashing import splitmix64

BLOCK = 1024  # profiles a block; a block of similarities takes BLOCK² float32 = 4 MiB
PROBES = 20_000  # profiles compared with all others; a million profiles of 128 numbers take minutes, not hours
LISTED = 20  # worst hubs named in the audit

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Hubs:
    """What was found: counts of users among the probed ones, and the worst hubs as (user_id, users near)."""

    users: int  # with a profile
    probed: int
    shared: int  # probed users near at least one other user's profile
    hubs: int  # probed users near at least `limit` other users' profiles
    worst: tuple[tuple[int, int], ...]

    def to_json(self) -> dict[str, Any]:
        """As the audit prints it."""
        return asdict(self) | {"worst": [{"user_id": user, "near": near} for user, near in self.worst]}


def find_hubs(
    profiles: npt.NDArray[np.floating], owners: Ints, cosine: float, limit: int, probes: int = PROBES
) -> Hubs:
    """Count, for each user, the other users with a profile nearer than `cosine`.

    Parameters
    ----------
    profiles : unit vectors [n, dim] of all users, second profiles too; float16, may be a memory map.
    owners : user_id [n] of each; a user's own two profiles are not compared.
    cosine : similarity above which two profiles are one face. limit : other users that make a hub.
    probes : users compared with all; of more, those with the smallest hashes are taken, and shares are estimates.

    Notes
    -----
    O(probes · n · dim) time, O(BLOCK²) memory beside the counts. Rows of zeros or NaN match nothing.
    """
    users, owner = np.unique(owners, return_inverse=True)
    chosen = np.zeros(len(users), np.bool_)
    chosen[np.argsort(splitmix64(users), kind="stable")[:probes]] = True
    order = np.argsort(owner, kind="stable")
    near = np.zeros(len(users), np.int64)
    for rows in _blocks(order[chosen[owner[order]]], owner):
        vectors = _finite(profiles, rows)
        for others in _blocks(order, owner):
            close, close_to = np.nonzero(vectors @ _finite(profiles, others).T > cosine)
            pairs = np.unique(owner[rows[close]].astype(np.int64) * len(users) + owner[others[close_to]])
            one, other = pairs // len(users), pairs % len(users)
            near += np.bincount(one[one != other], minlength=len(users))
    counted = near[chosen]
    worst = np.lexsort((users, -near))[:LISTED]
    return Hubs(
        users=len(users),
        probed=int(np.count_nonzero(chosen)),
        shared=int(np.count_nonzero(counted)),
        hubs=int(np.count_nonzero(counted >= limit)),
        worst=tuple((int(users[row]), int(near[row])) for row in worst if near[row]),
    )


def _blocks(rows: Rows, owner: Rows) -> Iterator[Rows]:
    """Cut rows, sorted by owner, into blocks of about `BLOCK` that divide no owner."""
    start = 0
    while start < len(rows):
        stop = min(start + BLOCK, len(rows))
        while stop < len(rows) and owner[rows[stop]] == owner[rows[stop - 1]]:
            stop += 1
        yield rows[start:stop]
        start = stop


def _finite(profiles: npt.NDArray[np.floating], rows: Rows) -> npt.NDArray[np.float32]:
    return np.nan_to_num(profiles[rows].astype(np.float32), posinf=0.0, neginf=0.0)
