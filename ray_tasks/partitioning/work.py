"""What all passes of a partition share: the lake, a place for spills, the ledger, the tally of what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.population import Checked, quarantine_schema, quarantined
from ray_tasks.lake import Lake
from ray_tasks.shuffle import Shuffle

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

QUARANTINE_ROWS = (
    100_000  # kept a table, for people to look at; all are counted. Bounds memory when everything is broken
)


class Tally:
    """Counts what was left out, by bucket and reason ("photos.no_uri"), and keeps the broken rows."""

    def __init__(self, buckets: int) -> None:
        self.reasons: list[Counter[str]] = [Counter() for _ in range(buckets)]
        self._broken: dict[str, list[pa.Table]] = {}

    def count(self, bucket: int, reason: str, rows: int) -> None:
        """Count rows that are sound but are not processed: no consent, forgotten, over the limit."""
        if rows:
            self.reasons[bucket][reason] += rows

    def set_aside(self, bucket: int, table: str, broken: pa.Table) -> None:
        """Count broken rows, as `quarantine_schema`, and keep them."""
        for entry in broken["reason"].value_counts().to_pylist():
            self.reasons[bucket][f"{table}.{entry['values']}"] += entry["counts"]
        kept = self._broken.setdefault(table, [])
        room = QUARANTINE_ROWS - sum(len(part) for part in kept)
        if room > 0 and len(broken):
            kept.append(broken.slice(0, room))

    def set_aside_rows(self, bucket: int, table: str, rows: pa.Table, where: Mask, reason: str) -> None:
        """Count the rows under the mask, all for one reason, and keep them."""
        if where.any():
            columns = {name: rows[name].combine_chunks() for name in rows.column_names}
            self.set_aside(bucket, table, quarantined(table, columns, where, reason))

    def broken(self, table: str) -> pa.Table:
        """The broken rows of a population table, sorted by their text, so that the order of the input does not show."""
        rows = pa.concat_tables([quarantine_schema(table).empty_table(), *self._broken.get(table, [])])
        return rows.sort_by([(name, "ascending") for name in rows.column_names])


@dataclass
class Work:
    """One run of stage 0. `forgotten` is sorted; `advance` is told how many rows were read or finished."""

    lake: Lake
    scratch: Path
    forgotten: Ids
    advance: Callable[[int], None]
    tally: Tally
    memory_bytes: int

    def shuffle(self, name: str, schema: pa.Schema) -> Shuffle:
        """A new shuffle over the lake's buckets, in a folder of its own."""
        folder = self.scratch / name
        folder.mkdir()
        return Shuffle(folder, self.lake.buckets, schema, self.memory_bytes)

    def send(self, shuffle: Shuffle, rows: pa.Table, key: str) -> None:
        """Send rows to the buckets of their ids in column `key`."""
        shuffle.add(rows, self.lake.bucket_of(ids_of(rows, key)))

    def is_forgotten(self, ids: Ids) -> Mask:
        """Which ids stand in the ledger of the forgotten."""
        return look_up(self.forgotten, ids) >= 0

    def without_forgotten(self, checked: Checked) -> tuple[pa.Table, pa.Table]:
        """Broken rows and their ids, without rows that name somebody forgotten: they leave no trace there either."""
        kept = np.ones(len(checked.broken), np.bool_)
        for name in ("user_id", "owner_id", "user_a", "user_b"):
            if name in checked.broken_ids.column_names:
                ids = checked.broken_ids[name]
                there = ids.is_valid().to_numpy().astype(np.bool_)
                kept &= ~(self.is_forgotten(ids.fill_null(0).to_numpy()) & there)
        return select(checked.broken, kept), select(checked.broken_ids, kept)


def ids_of(rows: pa.Table, name: str) -> Ids:
    """An id column without nulls as int64."""
    return np.asarray(rows[name].to_numpy(), dtype=np.int64)


def look_up(known: Ids, ids: Ids) -> npt.NDArray[np.int64]:
    """Place of each id among the sorted, distinct `known` ones; -1 = not among them."""
    if not len(known):
        return np.full(len(ids), -1, np.int64)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[place] == ids, place, -1)


def select(rows: pa.Table, where: Mask) -> pa.Table:
    """The rows under the mask; the table itself when that is all of them."""
    return rows if where.all() else rows.filter(pa.array(where))


def sort_rows(rows: pa.Table, *keys: str) -> pa.Table:
    """Rows sorted by integer columns without nulls, the first key leading; equal rows keep their order."""
    order = np.lexsort([rows[key].to_numpy() for key in reversed(keys)])
    return rows.take(pa.array(order))
