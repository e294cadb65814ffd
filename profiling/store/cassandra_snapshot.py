"""A pinned generation of a Cassandra store: of a user's rows, those of the newest delta that the generation lists."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from profiling.store.interface import Snapshot
from profiling.store.records import FORGOTTEN, UNKNOWN, StoredGeneration, StoredProfile

if TYPE_CHECKING:
    from profiling.store.cassandra_store import CassandraStore


class CassandraSnapshot(Snapshot):
    """Reads over the network; users of one call are asked for at the same time, the ledger with them."""

    def __init__(self, store: CassandraStore, generation: StoredGeneration) -> None:
        super().__init__(generation)
        self._store, self._listed = store, frozenset(generation.segments)
        self._empty = np.zeros((0, generation.dim), np.float16)

    def get_many(self, users: Sequence[int]) -> list[StoredProfile]:
        """What the generation holds for each user, in the order asked."""
        store, base = self._store, self.generation.base
        head, *rows = store.requests.run([store.head_call(), *(store.select_call(base, user) for user in users)])
        ledger = store.forgotten_at(store.read_head(head).ledger)
        return [
            StoredProfile(user, FORGOTTEN, self._empty) if _holds(ledger, user) else self._answer(user, found)
            for user, found in zip(users, rows, strict=True)
        ]

    def _answer(self, user: int, result: Any) -> StoredProfile:
        """Rows come newest delta first, then by rank."""
        listed = [row for row in result if row.delta in self._listed]
        if not listed:
            return StoredProfile(user, UNKNOWN, self._empty)
        first = listed[0]
        same = [row for row in listed if row.delta == first.delta and row.vector is not None]
        vectors = np.frombuffer(b"".join(row.vector for row in same), "<f2").reshape(len(same), self.generation.dim)
        clusters = tuple(row.cluster for row in same)
        return StoredProfile(
            user, first.reason, vectors, clusters, first.weight, first.margin, first.faces, first.delta
        )


def _holds(ledger: Sequence[int] | np.ndarray[Any, Any], user: int) -> bool:
    place = bisect_left(ledger, user)
    return place < len(ledger) and int(ledger[place]) == user
