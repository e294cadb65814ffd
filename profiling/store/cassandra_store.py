"""A profile store in Cassandra: a table a base, its deltas beside it, and a pointer that moves by compare-and-set."""

from __future__ import annotations

import functools
import itertools
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cassandra import ConsistencyLevel
from cassandra.query import UNSET_VALUE

from profiling.errors import StoreError
from profiling.store.addresses import CassandraAddress
from profiling.store.cassandra_erasure import erase
from profiling.store.cassandra_requests import PIECE, Requests, explained
from profiling.store.cassandra_schema import ONLY, create_base, create_tables, drop_bases, list_bases, refuse_snapshots
from profiling.store.cassandra_segments import delta_ids, read_segment
from profiling.store.cassandra_session import connect, find_store
from profiling.store.cassandra_snapshot import CassandraSnapshot
from profiling.store.erasure import StoreErasure
from profiling.store.interface import ProfileStore, Snapshot
from profiling.store.records import READY, Counts, Head, StoredGeneration
from profiling.store.rows import count_rows, stored_schema

RECORD = ("number", "id", "model", "dim", "segments", "buckets", "state", "created", "users", "rows", "replaced")
HEAD = f"SELECT active, since, ledger FROM generations WHERE store = {ONLY} LIMIT 1"  # noqa: S608
SWAP = f"""BEGIN BATCH
    UPDATE generations SET active = ?, since = ? WHERE store = {ONLY} IF active = ?
    UPDATE generations SET replaced = ? WHERE store = {ONLY} AND number = ? IF state = '{READY}'
    APPLY BATCH"""  # noqa: S608
TABLE_NAME = re.compile(r"\b(FROM|INTO|UPDATE) (\w+)")  # a server that restarts prepares again, without a session
RANGE_ROWS = 50_000  # rows of a piece of the ring that a base is counted in: a second's work, of ten that a server has
COUNTING = 8  # pieces counted at a time
RING = 1 << 64  # tokens of Murmur3Partitioner, from -2^63


class CassandraStore(ProfileStore):
    """A profile store in a keyspace that `create` made. A process needs one, for all its threads."""

    def __init__(self, address: CassandraAddress) -> None:
        self.address, self.name = address, address.name
        self.session = connect(address)
        try:
            with explained(self.name):
                find_store(self.session, address)
            self.requests = Requests(self.session, self.name)
            self._prepared = functools.lru_cache(maxsize=None)(self._prepare_statement)
            self._ledger: tuple[int, npt.NDArray[np.int64]] = (0, np.zeros(0, np.int64))
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, address: CassandraAddress, replication: str | None) -> CassandraStore:
        """Make keyspace and tables, or open them when they are there."""
        session = connect(address)
        try:
            with explained(address.name):
                refuse_snapshots(session, address)
                if replication is not None:
                    create_tables(session, address, replication)
        finally:
            session.cluster.shutdown()
        return cls(address)

    # --- reading -------------------------------------------------------------------------------------------------
    def generations(self) -> list[StoredGeneration]:
        """All generations ever begun, oldest first."""
        rows = self.requests.one(self._prepared(f"SELECT {', '.join(RECORD)} FROM generations WHERE store = {ONLY}"))  # noqa: S608
        return [_record(row) for row in rows if row.number is not None]

    def head(self) -> Head:
        """The pointer and the ledger's version as they are now."""
        return self.read_head(self.requests.one(self._prepared(HEAD)))

    def head_call(self) -> tuple[Any, tuple[()]]:
        """The statement that asks for the head, to be sent together with others."""
        return self._prepared(HEAD), ()

    def read_head(self, result: Any) -> Head:
        """What the answer to `head_call` says."""
        row = result.one()
        if row is None:
            raise StoreError(
                f"{self.name}: has lost its table generations; make the store again with kith store create"
            )
        return Head(row.active, row.since or 0.0, row.ledger or 0)

    def read(self, generation: StoredGeneration) -> Iterator[pa.Table]:
        """Rows of its own segment, in pieces of any order."""
        with explained(self.name):
            yield from read_segment(self, generation)

    def pin(self, generation: StoredGeneration) -> Snapshot:
        """A snapshot of any generation that is ready, active or not."""
        if generation.state != READY:
            raise StoreError(f"{self.name}: generation {generation.id} is {generation.state}; publish it again")
        return CassandraSnapshot(self, generation)

    def forgotten(self) -> npt.NDArray[np.int64]:
        """Ids of the ledger, sorted."""
        return self.forgotten_at(self.head().ledger)

    def forgotten_at(self, version: int) -> npt.NDArray[np.int64]:
        """Ids of the ledger when it has reached `version`; only what is new is fetched."""
        known, ids = self._ledger
        if version > known:
            query = f"SELECT user_id FROM forgotten WHERE store = {ONLY} AND version > ? AND version <= ?"  # noqa: S608
            rows = self.requests.one(self._prepared(query), (known, version))
            ids = np.union1d(ids, np.fromiter((row.user_id for row in rows), np.int64))
            self._ledger = version, ids
        return ids

    def select_call(self, base: int, user: int) -> tuple[Any, tuple[int]]:
        """The statement that asks for a user's rows in a base's table, newest delta first."""
        columns = "delta, rank, reason, cluster, weight, margin, faces, vector"
        return self._prepared(f"SELECT {columns} FROM base_{base} WHERE user_id = ?"), (user,)  # noqa: S608

    # --- writing -------------------------------------------------------------------------------------------------
    def write(self, generation: StoredGeneration, bucket: int, rows: pa.Table) -> Counts:
        """Write one bucket of the generation's own segment; twice is once, and the first one stays.

        A delta's rows are counted right away, user by user: to count them later, all of the base would have to be read.
        """
        if rows.schema.remove_metadata() != stored_schema(generation.dim):
            raise StoreError(
                f"{self.name}: rows of generation {generation.id} are of another model; nothing was written"
            )
        there = self.written(generation)
        if bucket in there:
            return there[bucket]
        counts = count_rows(rows)
        insert = self._prepared(
            f"INSERT INTO base_{generation.base} (user_id, delta, rank, reason, model, cluster, weight, margin, faces, "  # noqa: S608
            "vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        for start in range(0, len(rows), PIECE):
            piece = _values(rows.slice(start, PIECE), generation)
            self.requests.run([(insert, values) for values in piece])
        if generation.deltas:
            self._count_delta(generation, rows, counts)
        mark = self._prepared("INSERT INTO written (number, bucket, users, rows, ids) VALUES (?, ?, ?, ?, ?)")
        self.requests.one(mark, (generation.number, bucket, counts.users, counts.rows, delta_ids(generation, rows)))
        return counts

    def written(self, generation: StoredGeneration) -> dict[int, Counts]:
        """What was written of its own segment, by bucket: complete buckets only."""
        query = self._prepared("SELECT bucket, users, rows FROM written WHERE number = ?")
        return {row.bucket: Counts(row.users, row.rows) for row in self.requests.one(query, (generation.number,))}

    def count(self, generation: StoredGeneration) -> Counts:
        """Users and rows of its own segment: of a base counted by the server, range by range, of a delta by `write`."""
        if generation.deltas:
            return sum(self.written(generation).values(), Counts())
        query = self._prepared(
            f"SELECT count(*) AS rows, sum(cast(rank AS int)) AS seconds FROM base_{generation.base} "  # noqa: S608
            "WHERE token(user_id) >= ? AND token(user_id) <= ?"
        )
        calls = [(query, each) for each in self._ranges(generation.base)]
        found = [result.one() for result in self.requests.run(calls, COUNTING)]
        rows = sum(row.rows for row in found)
        return Counts(rows - sum(row.seconds or 0 for row in found), rows)

    def forget(self, users: Iterable[int]) -> None:
        """Hide users from every read, in all generations there are and will be; returns once that holds."""
        wanted = sorted(set(users))
        insert = self._prepared(
            f"INSERT INTO forgotten (store, version, user_id, hidden_at) VALUES ({ONLY}, ?, ?, ?)"  # noqa: S608
        )
        raised = self._prepared(f"UPDATE generations SET ledger = ? WHERE store = {ONLY} IF ledger = ?")  # noqa: S608
        while True:
            version = self.head().ledger
            now = time.time()
            self.requests.run([(insert, (version + 1, user, now)) for user in wanted])
            # When another one raised it meanwhile, readers may have fetched that version already: take the next.
            if self.requests.decide(raised, (version + 1, version), lambda: False):
                return

    def erase(self, users: Iterable[int]) -> StoreErasure:
        """Copy what is served without users who were forgotten before, and drop all tables that hold them."""
        with explained(self.name):
            return erase(self, np.unique(np.fromiter(users, np.int64)))

    def scan(self, base: int, columns: str) -> Iterator[Any]:
        """All rows of a base's table, deltas included, range by range; a user's rows come together, newest first."""
        query = self._prepared(
            f"SELECT {columns} FROM base_{base} WHERE token(user_id) >= ? AND token(user_id) <= ?"  # noqa: S608
        )
        for each in self._ranges(base):
            yield from self.requests.ask(query, each)

    def statement(self, query: str) -> Any:
        """A prepared statement; tables are named without the keyspace."""
        return self._prepared(query)

    def base_tables(self) -> set[int]:
        """Numbers of the bases whose tables are there."""
        return list_bases(self.session, self.address.keyspace)

    def _ranges(self, base: int) -> list[tuple[int, int]]:
        """First and last token of pieces of the ring that hold some `RANGE_ROWS` rows of a base each."""
        rows = sum((count.rows for count in self.written(self.find(base)).values()), 0)
        pieces = 1 + rows // RANGE_ROWS
        edges = [k * RING // pieces - RING // 2 for k in range(pieces + 1)]
        return [(low, high - 1) for low, high in itertools.pairwise(edges)]

    def close(self) -> None:
        """Give connections back; snapshots end with it."""
        self.session.cluster.shutdown()

    def _count_delta(self, generation: StoredGeneration, rows: pa.Table, expected: Counts) -> None:
        query = self._prepared(
            f"SELECT count(*) AS rows FROM base_{generation.base} WHERE user_id = ? AND delta = ?"  # noqa: S608
        )
        users = sorted(set(rows["user_id"].to_pylist()))
        results = self.requests.run([(query, (user, generation.number)) for user in users])
        found = [result.one().rows for result in results]
        if Counts(sum(count > 0 for count in found), sum(found)) != expected:
            raise StoreError(f"{self.name}: holds other rows of {generation.id} than were written; publish it again")

    def _reserve(self, record: StoredGeneration) -> bool:
        names, marks = ", ".join(RECORD), ", ".join("?" * len(RECORD))
        insert = self._prepared(f"INSERT INTO generations (store, {names}) VALUES ({ONLY}, {marks}) IF NOT EXISTS")  # noqa: S608
        return self.requests.decide(insert, _columns(record), lambda: self._serial(record.number) == record)

    def _prepare(self, record: StoredGeneration) -> None:
        with explained(self.name):
            refuse_snapshots(self.session, self.address)
            if not record.deltas:
                create_base(self.session, self.address.keyspace, record.number)

    def _update(self, record: StoredGeneration, was: str) -> bool:
        update = self._prepared(
            f"UPDATE generations SET state = ?, users = ?, rows = ? WHERE store = {ONLY} AND number = ? IF state = ?"  # noqa: S608
        )
        values = (record.state, record.users, record.rows, record.number, was)
        return self.requests.decide(update, values, lambda: self._serial(record.number) == record)

    def _swap(self, expected: int | None, record: StoredGeneration) -> bool:
        values = (record.number, time.time(), expected, record.replaced, record.number)
        return self.requests.decide(self._prepared(SWAP), values, lambda: self._points_at(record, expected))

    def _points_at(self, record: StoredGeneration, expected: int | None) -> bool:
        return record.number != expected and self._serial_head().active == record.number

    def _serial_head(self) -> Head:
        return self.read_head(self.requests.ask(self._prepared(HEAD, serial=True)))

    def _serial(self, number: int) -> StoredGeneration | None:
        query = f"SELECT {', '.join(RECORD)} FROM generations WHERE store = {ONLY} AND number = ?"  # noqa: S608
        row = self.requests.ask(self._prepared(query, serial=True), (number,)).one()
        return None if row is None else _record(row)

    def _remove(self, bases: set[int], deltas: set[int]) -> None:
        with explained(self.name):
            drop_bases(self.session, self.address.keyspace, bases)

    def _prepare_statement(self, query: str, serial: bool = False) -> Any:
        statement = self.requests.prepare(TABLE_NAME.sub(rf"\1 {self.address.keyspace}.\2", query))
        statement.is_idempotent = " IF " not in query
        if serial:
            statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        return statement


def _values(rows: pa.Table, generation: StoredGeneration) -> list[tuple[Any, ...]]:
    """What is bound for each row; an unresolved user has no vector, which must not become a tombstone."""
    names = ("user_id", "rank", "reason", "cluster", "weight", "margin", "faces", "vector")
    columns = [rows[name].to_pylist() for name in names]
    number, model = generation.number, generation.model
    return [
        (user, number, rank, reason, model, *meta, UNSET_VALUE if vector is None else vector)
        for user, rank, reason, *meta, vector in zip(*columns, strict=True)
    ]


def _columns(record: StoredGeneration) -> list[Any]:
    values = replace(record).to_json()
    return [list(values[name]) if name == "segments" else values[name] for name in RECORD]


def _record(row: Any) -> StoredGeneration:
    values = {name: getattr(row, name) for name in RECORD}
    return StoredGeneration.from_json(values)
