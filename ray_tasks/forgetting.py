"""Forget people: hide them in a lake and in a profile store at once, then erase them there for good."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from profiling.store import ProfileStore
from ray_tasks.erasing import erase_lake
from ray_tasks.lake import Lake
from ray_tasks.ledger import add_to_ledger, read_ledger
from ray_tasks.lock import WriterLock
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.receipts import Receipt, file_receipt, hidden_times, waiting
from ray_tasks.shown import erase_reports

REMAINS = (  # what no command of ours reaches
    "caches that other hosts pulled: kith cache pull on each of them",
    "backups and snapshots of the lake's disk, and reports that were copied elsewhere",
    "photos in the population folder: they are the network's own",
)


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


def erase_users(
    lake: Lake,
    store: ProfileStore | None,
    session: RaySession,
    users: Sequence[int] = (),
    patience_s: float = 0.0,
    console: Console | None = None,
) -> Receipt:
    """Erase everybody who is hidden: one pass over the lake for all who wait, the store, and reports that show them.

    A pass that is killed is run again: what was done stays done, and the receipt comes with the end.

    Parameters
    ----------
    users : who is on the receipt although an earlier one names them too.
    patience_s : seconds to wait for another writer.

    Raises
    ------
    LakeError, StoreError
        The lake is being written, a disk is full, or the store cannot be reached; run it again.
    """
    with WriterLock(lake, "forget", patience_s) as held, RunProgress(held, "forget", console) as progress:
        if store is not None:
            share_ledgers(held, store)
            held.hiding.look_again()
        named = sorted({*users, *waiting(held, None if store is None else store.name).users})
        tables = erase_lake(held, session, progress)
        reports = erase_reports(held, held.hiding.ledger.users.tolist())
        erased = None if store is None else store.erase(store.forgotten().tolist())
        receipt = Receipt(
            users=tuple(named),
            hidden_at=hidden_times(held, named),
            erased_at=time.time(),
            lake=str(held.folder),
            tables=tables,
            reports=tuple(reports),
            store=None if erased is None else erased.to_json(),
            remains=(*REMAINS, *(() if erased is None else erased.remains)),
        )
        file_receipt(held, receipt)
    return receipt


def erase_in_store(store: ProfileStore) -> Receipt:
    """Erase everybody who is hidden in a store, where no lake is at hand; nobody keeps this receipt but the caller."""
    users = store.forgotten().tolist()
    erased = store.erase(users)
    return Receipt(tuple(users), (), time.time(), None, {}, (), erased.to_json(), (REMAINS[0], *erased.remains))
