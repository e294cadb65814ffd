"""What a store says of a physical erasure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

READERS_S = 5.0  # seconds between hiding what readers may still hold and dropping it: requests are much shorter


@dataclass(frozen=True)
class StoreErasure:
    """What was erased of whom asked to be forgotten.

    Parameters
    ----------
    store : its name. rows : removed, over all segments. segments : numbers of those that were written anew or dropped.
    retired : ids of generations that went with them, because only a copy of the active one and of that which a rollback
        leads to was made.
    remains : one line for each place where copies may still lie, and how they end.
    """

    store: str
    rows: int
    segments: tuple[int, ...]
    retired: tuple[str, ...]
    remains: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "store": self.store,
            "rows": self.rows,
            "segments": list(self.segments),
            "retired": list(self.retired),
            "remains": list(self.remains),
        }
