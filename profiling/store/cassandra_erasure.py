"""Physical erasure in Cassandra: bases that hold a person are copied without them, and dropped.

Deleted rows would stay in the servers' files until a compaction that nobody can order from here; a dropped table's
files go at once. The copies are bases of the active generation and of that which a rollback leads to.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from cassandra import InvalidRequest
from cassandra.query import UNSET_VALUE

from profiling.errors import StoreConflictError
from profiling.hashing import splitmix64
from profiling.store.cassandra_schema import create_base
from profiling.store.erasure import READERS_S, StoreErasure
from profiling.store.records import DROPPED, WRITING, StoredGeneration

if TYPE_CHECKING:
    from profiling.store.cassandra_store import CassandraStore

COLUMNS = "user_id, delta, rank, reason, model, cluster, weight, margin, faces, vector"
COPIED_AT_ONCE = 20_000  # rows held on their way from one table to the other
LOG = "the commit log of each server, until its segments are used anew (nodetool flush helps)"
BACKUPS = "backups of the servers, if any are made: end them where they are kept"


def erase(store: CassandraStore, users: npt.NDArray[np.int64], grace_s: float = READERS_S) -> StoreErasure:
    """Copy what the store serves without these users, and drop every table that holds one of them.

    Twice is once; a call that is killed leaves a copy that the next one takes up.
    """
    known = [each for each in store.generations() if each.state != DROPPED]
    for each in known:
        if each.state == WRITING and not each.deltas:  # its table may be half made: by a call that was just killed
            create_base(store.session, store.address.keyspace, each.number)
    bases = {each.number for each in store.generations() if not each.deltas}
    rows = {base: _rows_of(store, base, users) for base in sorted(bases & store.base_tables())}
    touched = {base for base, count in rows.items() if count}
    for each in known:
        if each.base in touched and each.state == WRITING:
            store.abandon(each)
    _move(store, touched, [each for each in known if each.base in touched])
    retired = [each for each in known if each.base in touched]
    for each in retired:
        store.abandon(each)
    if touched:
        time.sleep(grace_s)
        store._remove(touched, set())
    ids = tuple(dict.fromkeys(each.id for each in retired))
    return StoreErasure(store.name, sum(rows.values()), tuple(sorted(touched)), ids, _remains(store))


def _move(store: CassandraStore, touched: set[int], of: list[StoredGeneration]) -> None:
    """Have readers take copies where they take a touched base, and have a rollback lead to one."""
    active = store.active()
    if active is None:
        return
    before = next((each for each in of if each.number == active.replaced), None)
    if active.base not in touched and before is None:
        return
    target = active.replaced if before is None else _copy(store, before).number
    copy = active if active.base not in touched else _copy(store, active)
    if not store._swap(active.number, replace(copy, replaced=target)):
        raise StoreConflictError(f"{store.name}: another generation became active meanwhile; run kith forget again")


def _copy(store: CassandraStore, source: StoredGeneration) -> StoredGeneration:
    """A base of what a generation serves, without the forgotten."""
    target = store.begin(source.id, source.model, source.dim, source.buckets)
    hidden = set(store.forgotten().tolist())
    users: Counter[int] = Counter()
    rows: Counter[int] = Counter()
    insert = store.statement(f"INSERT INTO base_{target.number} ({COLUMNS}) VALUES ({', '.join('?' * 10)})")  # noqa: S608
    serves = _serves(store, source, hidden)
    while piece := list(itertools.islice(serves, COPIED_AT_ONCE)):
        calls = []
        for row in piece:
            bucket = int(splitmix64(np.array([row.user_id], np.int64))[0] & np.uint64(target.buckets - 1))
            users[bucket] += row.rank == 0
            rows[bucket] += 1
            vector = UNSET_VALUE if row.vector is None else row.vector
            calls.append((insert, (row.user_id, target.number, *row[2:-1], vector)))
        store.requests.run(calls)
    mark = store.statement("INSERT INTO written (number, bucket, users, rows) VALUES (?, ?, ?, ?)")
    buckets = range(target.buckets)
    store.requests.run([(mark, (target.number, bucket, users[bucket], rows[bucket])) for bucket in buckets])
    return store.finish(target)


def _serves(store: CassandraStore, source: StoredGeneration, hidden: set[int]) -> Iterator[Any]:
    """Rows of the newest listed delta of each user."""
    listed = frozenset(source.segments)
    for user, found in itertools.groupby(store.scan(source.base, COLUMNS), key=lambda row: row.user_id):
        rows = [row for row in found if row.delta in listed]
        if user not in hidden:
            yield from (row for row in rows if row.delta == rows[0].delta)


def _rows_of(store: CassandraStore, base: int, users: npt.NDArray[np.int64]) -> int:
    query = store.statement(f"SELECT count(*) AS rows FROM base_{base} WHERE user_id = ?")  # noqa: S608
    return sum(result.one().rows for result in store.requests.run([(query, (int(user),)) for user in users]))


def _remains(store: CassandraStore) -> tuple[str, ...]:
    """Snapshots that the servers tell of, and what they cannot tell."""
    found = []
    for host in store.session.cluster.metadata.all_hosts():
        try:
            rows = list(store.session.execute("SELECT * FROM system_views.snapshots", host=host))
        except InvalidRequest:
            found.append(f"snapshots of server {host.address}, which does not tell of them: see nodetool listsnapshots")
            continue
        mine = [row for row in rows if getattr(row, "keyspace_name", None) == store.address.keyspace]
        found += [
            f"snapshot {row.name} of table {row.table_name} on {host.address}: nodetool clearsnapshot" for row in mine
        ]
    return (*found, LOG, BACKUPS)
