"""Publishing into and reading from Cassandra, against the bare driver on the same rows in the same run.

    make cassandra
    export KITH_CASSANDRA_PASSWORD=$(cat .cassandra/password)
    python benchmarks/store_cassandra.py --store cassandra://cassandra@127.0.0.1:9042/bench [--users 20000] [--dim 128]

The bare driver sends prepared inserts by `execute_concurrent_with_args` and reads one user at a time by a prepared
statement; the store does the same work with marks, counts and retries. Both take turns, three times each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from cassandra.concurrent import execute_concurrent_with_args
from rich.console import Console
from store_lookups import BUCKETS, MODEL, NOBODY, draw

from profiling.hashing import splitmix64
from profiling.store import create_store
from profiling.store.cassandra_requests import IN_FLIGHT
from profiling.store.cassandra_schema import create_base
from profiling.store.cassandra_store import CassandraStore, _values
from profiling.store.records import WRITING, StoredGeneration
from profiling.store.rows import stored_rows

TURNS = 3
READS = 2000
CONCURRENCY = IN_FLIGHT  # statements on their way, the same on both sides


def write_store(store: CassandraStore, tables: Sequence[pa.Table], id: str, dim: int) -> tuple[float, float]:
    """Publish a base; seconds to write it, and with counting and the pointer."""
    active = store.active()
    begun = store.begin(id, MODEL, dim, BUCKETS)
    began = time.perf_counter()
    for bucket, rows in enumerate(tables):
        store.write(begun, bucket, rows)
    written = time.perf_counter() - began
    store.activate(store.finish(begun), None if active is None else active.number)
    return written, time.perf_counter() - began


def write_bare(store: CassandraStore, tables: Sequence[pa.Table], number: int, dim: int) -> float:
    """The same rows into a table of the same shape by the bare driver; seconds."""
    keyspace = store.address.keyspace
    create_base(store.session, keyspace, number)
    names = "user_id, delta, rank, reason, model, cluster, weight, margin, faces, vector"
    insert = store.session.prepare(
        f"INSERT INTO {keyspace}.base_{number} ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    )
    shown = StoredGeneration(number, "bare", MODEL, dim, (number,), BUCKETS, WRITING, 0.0)
    rows = [values for table in tables for values in _values(table, shown)]
    began = time.perf_counter()
    execute_concurrent_with_args(store.session, insert, rows, concurrency=CONCURRENCY)
    return time.perf_counter() - began


def timed(call: Any, users: Sequence[int]) -> list[float]:
    """Milliseconds of a call for each user."""
    taken = []
    for user in users:
        began = time.perf_counter()
        call(user)
        taken.append(1000 * (time.perf_counter() - began))
    return taken


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", required=True)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=128)
    given = parser.parse_args()
    console = Console(soft_wrap=True)
    store = create_store(given.store, "datacenter1:1")
    if not isinstance(store, CassandraStore):
        raise SystemExit("--store must be cassandra://…")
    ids = np.arange(given.users, dtype=np.int64)
    bucket_of = (splitmix64(ids) & np.uint64(BUCKETS - 1)).astype(int)
    tables = [stored_rows(draw(ids[bucket_of == k], given.dim, k), NOBODY) for k in range(BUCKETS)]
    rows = sum(len(table) for table in tables)
    bare, mine, whole = [], [], []
    spare = 1_000_000 + int(time.time()) % 1_000_000  # numbers that no generation has
    for turn in range(TURNS):
        bare.append(rows / write_bare(store, tables, spare + turn, given.dim))
        written, finished = write_store(store, tables, f"bench{time.time()}", given.dim)
        mine.append(rows / written)
        whole.append(rows / finished)
    console.print(
        f"rows/s: bare driver {median(bare):,.0f}, store {median(mine):,.0f}, with count {median(whole):,.0f}"
    )
    ratios = [one / other for one, other in zip(mine, bare, strict=True)]
    console.print(f"store to bare driver, by turns: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    asked = np.random.default_rng(1).integers(0, given.users, READS).tolist()
    columns = "delta, rank, reason, cluster, weight, margin, faces, vector"
    table = f"{store.address.keyspace}.base_{spare}"
    select = store.session.prepare(f"SELECT {columns} FROM {table} WHERE user_id = ?")  # noqa: S608
    snapshot = store.snapshot()
    for turn in range(2):
        plain = timed(lambda user: store.session.execute(select, (user,)).all(), asked)
        found = timed(snapshot.get, asked)
        if turn:
            for name, times in (("bare prepared read", plain), ("store, ledger asked too", found)):
                console.print(f"{name}: p50 {np.quantile(times, 0.5):.2f} ms, p99 {np.quantile(times, 0.99):.2f} ms")
    groups = [asked[k : k + 200] for k in range(0, len(asked), 200)]
    many = timed(snapshot.get_many, groups)
    console.print(f"200 users in one call: p50 {np.quantile(many, 0.5):.1f} ms")
    store.close()


if __name__ == "__main__":
    main()
