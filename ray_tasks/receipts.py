"""What became of those who asked to be forgotten: who waits for the erasure, and a receipt for those who had it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ray_tasks.lake import Lake

FOLDER = "erasures"
DAY_S = 86_400.0  # seconds; the sweep looks once a day, so whoever's time is up before the next one is due now


@dataclass(frozen=True)
class Receipt:
    """One erasure.

    Parameters
    ----------
    users : ids. hidden_at : seconds since 1970, one each; erased_at : when nothing of them was left.
    lake : its folder; tables : rows that went, by stage/table. reports : files that showed them and were deleted.
    store : what `StoreErasure` says, None = no store was named. remains : where copies may still lie, and how they end.
    """

    users: tuple[int, ...]
    hidden_at: tuple[float, ...]
    erased_at: float
    lake: str | None
    tables: dict[str, int]
    reports: tuple[str, ...]
    store: dict[str, Any] | None
    remains: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Waiting:
    """Users who are hidden and not yet erased, and when each was hidden."""

    users: tuple[int, ...]
    hidden_at: tuple[float, ...]

    def due(self, days: float, now: float | None = None) -> bool:
        """Whether somebody's time is up before the next daily look."""
        moment = time.time() if now is None else now
        return bool(self.users) and min(self.hidden_at) + days * DAY_S - DAY_S <= moment


def waiting(lake: Lake, store: str | None) -> Waiting:
    """Who waits, by the ledger and the receipts of this lake; `store` : name of the store that must be clean too."""
    ledger = lake.hiding.ledger
    done: set[int] = set()
    for receipt in lake.notes(FOLDER):
        if store is None or (receipt["store"] or {}).get("store") == store:
            done.update(receipt["users"])
    left = ~np.isin(ledger.users, np.array(sorted(done), np.int64))
    return Waiting(tuple(ledger.users[left].tolist()), tuple(ledger.hidden_at[left].tolist()))


def file_receipt(lake: Lake, receipt: Receipt) -> None:
    """Keep a receipt with its lake."""
    number = 1
    while not lake.add_once(f"{FOLDER}/{number:08d}.json", receipt.to_json()):
        number += 1


def hidden_times(lake: Lake, users: Sequence[int]) -> tuple[float, ...]:
    """When each of these was hidden."""
    ledger = lake.hiding.ledger
    return tuple(ledger.hidden_at[np.searchsorted(ledger.users, np.array(users, np.int64))].tolist())
