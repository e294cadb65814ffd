"""Read back what was published, before anybody relies on it, and compare it with what should be there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import integers
from profiling.hashing import splitmix64
from profiling.store.interface import Snapshot
from profiling.store.records import FORGOTTEN, StoredProfile
from profiling.vectors import unpack_vectors


def sample_users(profiles: pa.Table, count: int, seed: int) -> pa.Table:
    """At most `count` users of a table `profiles`: half of them any, half with two profiles or none."""
    ids = integers(profiles["user_id"])
    luck = splitmix64(ids ^ np.int64(seed))
    usual = (integers(profiles["second"]) < 0) & (np.asarray(profiles["reason"]) == "ok")
    anybody = np.argsort(luck, kind="stable")[: (count + 1) // 2]
    unusual = np.flatnonzero(~usual)
    unusual = unusual[np.argsort(luck[unusual], kind="stable")][: count // 2]
    return profiles.take(pa.array(np.union1d(anybody, unusual)))


def differing_users(snapshot: Snapshot, profiles: pa.Table, hidden: npt.NDArray[np.int64]) -> list[int]:
    """Users whose answer is not, bit for bit, what table `profiles` says.

    Parameters
    ----------
    profiles : columns `rows.PROFILE_COLUMNS`. hidden : the ledger; who is on it must be hidden.
    """
    users = integers(profiles["user_id"]).tolist()
    rows = profiles.to_pylist()
    vectors = [unpack_vectors(profiles[name].combine_chunks()) for name in ("profile", "second_profile")]
    silent = set(hidden.tolist())
    wrong = []
    for place, (user, found) in enumerate(zip(users, snapshot.get_many(users), strict=True)):
        if found.reason == FORGOTTEN:  # also who was forgotten a moment ago
            same = len(found.vectors) == 0
        else:
            same = user not in silent and _same(found, rows[place], [vectors[0][place], vectors[1][place]])
        if not same:
            wrong.append(user)
    return wrong


def _same(found: StoredProfile, row: dict[str, object], vectors: Sequence[npt.NDArray[np.float16]]) -> bool:
    profiles = [vector for vector, name in zip(vectors, ("profile", "second_profile"), strict=True) if row[name]]
    clusters = [row[name] for name in ("leader", "second") if row[name] != -1][: len(profiles)]
    numbers = np.array([row["weight"], row["margin"]], np.float32)
    return (
        found.reason == row["reason"]
        and found.faces == row["faces"]
        and list(found.clusters) == clusters
        and len(found.vectors) == len(profiles)
        and all(one.tobytes() == other.tobytes() for one, other in zip(found.vectors, profiles, strict=True))
        and np.array([found.weight, found.margin], np.float32).tobytes() == numbers.tobytes()
    )
