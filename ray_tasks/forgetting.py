"""Hide people who ask to be forgotten: in a lake and in a profile store, at once, before anything is erased."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from profiling.store import ProfileStore
from ray_tasks.lake import Lake
from ray_tasks.ledger import add_to_ledger, read_ledger


@dataclass(frozen=True)
class Hidden:
    """Users who are hidden from now on; `hidden_at` in seconds since 1970, when the last of them was."""

    users: tuple[int, ...]
    hidden_at: float
    lake: str | None
    store: str | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"users": list(self.users), "hidden_at": self.hidden_at, "lake": self.lake, "store": self.store}


def hide_users(users: Sequence[int], lake: Lake | None, store: ProfileStore | None) -> Hidden:
    """Write users into the ledgers. From its return on nobody reads, commits or publishes anything about them.

    The lake comes first: a publish on its way takes its ledger over to the store before the pointer moves.

    Raises
    ------
    LakeError, StoreError
        A ledger cannot be written; run it again, twice is once.
    """
    wanted = sorted(set(users))
    if lake is not None:
        add_to_ledger(lake.folder, wanted)
    if store is not None:
        new = np.setdiff1d(np.array(wanted, np.int64), store.forgotten())
        if len(new):
            store.forget(new.tolist())
    where = None if lake is None else str(lake.folder)
    return Hidden(tuple(wanted), time.time(), where, None if store is None else store.name)


def share_ledgers(lake: Lake, store: ProfileStore) -> None:
    """Have lake and store know the same forgotten people: a request may have named only one of them."""
    here, there = read_ledger(lake.folder).users, store.forgotten()
    if len(new := np.setdiff1d(here, there)):
        store.forget(new.tolist())
    if len(new := np.setdiff1d(there, here)):
        add_to_ledger(lake.folder, new.tolist())
