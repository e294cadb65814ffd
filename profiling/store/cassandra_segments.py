"""Reading one segment of a Cassandra store back: a base range by range, a delta by the users that it wrote."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from cassandra.query import UNSET_VALUE

from profiling.store.records import StoredGeneration
from profiling.store.rows import stored_schema

if TYPE_CHECKING:
    from profiling.store.cassandra_store import CassandraStore

COLUMNS = ("user_id", "rank", "reason", "cluster", "weight", "margin", "faces", "vector")
PIECE = 20_000  # rows of a table that is handed on
MOST_IDS = 1_000_000  # of a bucket's part of a delta: 8 MB, half of what a server takes at once


def delta_ids(generation: StoredGeneration, rows: pa.Table) -> Any:
    """Who has rows in a bucket of a delta, as the column `ids` keeps it; unset where nobody needs it."""
    ids = np.unique(np.asarray(rows["user_id"], np.int64))
    return ids.astype("<i8").tobytes() if generation.deltas and len(ids) <= MOST_IDS else UNSET_VALUE


def read_segment(store: CassandraStore, generation: StoredGeneration) -> Iterator[pa.Table]:
    """Rows that a generation wrote itself, in pieces; a user's rows come in one piece."""
    users = _users(store, generation) if generation.deltas else None
    rows = _scanned(store, generation) if users is None else _rows_of(store, generation, users)
    for piece in _pieces(rows):
        yield _table(piece, generation.dim)


def _users(store: CassandraStore, generation: StoredGeneration) -> list[int] | None:
    """Who has rows in a delta; None when that was not kept."""
    query = store.statement("SELECT ids, users FROM written WHERE number = ?")
    found = list(store.requests.one(query, (generation.number,)))
    if any(row.users and row.ids is None for row in found):
        return None
    return [user for row in found if row.ids for user in np.frombuffer(row.ids, "<i8").tolist()]


def _scanned(store: CassandraStore, generation: StoredGeneration) -> Iterator[Any]:
    found = store.scan(generation.base, f"delta, {', '.join(COLUMNS)}")
    return (row for row in found if row.delta == generation.number)


def _rows_of(store: CassandraStore, generation: StoredGeneration, users: list[int]) -> Iterator[Any]:
    query = store.statement(
        f"SELECT {', '.join(COLUMNS)} FROM base_{generation.base} WHERE user_id = ? AND delta = ?"  # noqa: S608
    )
    for start in range(0, len(users), PIECE):
        calls = [(query, (user, generation.number)) for user in users[start : start + PIECE]]
        for result in store.requests.run(calls):
            yield from result


def _pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists of some `PIECE` rows that divide no user."""
    piece: list[Any] = []
    for _, mine in itertools.groupby(rows, key=lambda row: row.user_id):
        piece += mine
        if len(piece) >= PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _table(rows: list[Any], dim: int) -> pa.Table:
    schema = stored_schema(dim)
    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    reasons = pa.array(columns.pop("reason"), pa.string()).dictionary_encode()
    arrays = {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}
    arrays["reason"] = reasons.cast(schema.field("reason").type)
    return pa.table([arrays[field.name] for field in schema], schema=schema)
