"""The profile store: publishing into Cassandra beside the bare driver, lookups beside others, whole photos.

    python benchmarks/bench_store.py [--repeats 5] [--users 1000000,10000000] [--rows 50000] [--tiny]
        [--photos FOLDER]

*Publish* writes, counts and activates a base of random profiles; the bare driver sends the same rows with
`execute_concurrent_with_args` into a table of the same shape and counts nothing. *Point reads* ask for one user at a
time; the store asks for its ledger beside each. Lookups in Arrow files, ledger included, stand beside SQLite's of the
vector alone; a second reading process says what memory of its own it needs. *Whole photos* are decoded, looked at by
MTCNN, embedded and compared with 200 candidates of a store, beside the 120 ms that OK.ru reported for their service in
2018. A Cassandra is started on free ports for the run; where Java or Maven is missing its cases are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from cassandra.concurrent import execute_concurrent_with_args
from harness import Case, Side, keep, options, run
from rich.console import Console
from store_cassandra import CONCURRENCY, timed, write_store
from store_lookups import BUCKETS, MODEL, NOBODY, draw, fill
from store_photos import photo_fact, photo_rows, photo_seconds

from profiling.demo import draw_population
from profiling.hashing import splitmix64
from profiling.store import create_store
from profiling.store.arrow_files import BucketFile
from profiling.store.arrow_store import ArrowStore
from profiling.store.cassandra_schema import create_base
from profiling.store.cassandra_store import CassandraStore, _values
from profiling.store.records import WRITING, StoredGeneration
from profiling.store.rows import stored_rows

SERVER = Path(__file__).parents[1] / "docker" / "cassandra" / "server.py"
DIM = 128  # of the default network
POINTS, LOOKUPS, MANY = 2000, 20_000, 200  # reads of a turn; users of one call
WANTED_PUBLISH = 0.8  # issue: rows/s of publish, of the bare driver's
console = Console(soft_wrap=True)


@contextmanager
def cassandra() -> Iterator[str | None]:
    """The URI of a store in a Cassandra of this run's own; None where it cannot be had."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, str(SERVER), "start", "--home", home, "--port", ports[0], "--storage-port", ports[1]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            console.print(f"no Cassandra: {done.stderr.strip().splitlines()[-1]}")
            yield None
            return
        os.environ["KITH_CASSANDRA_PASSWORD"] = (Path(home) / "password").read_text()
        try:
            yield f"cassandra://cassandra@127.0.0.1:{ports[0]}/bench"
        finally:
            subprocess.run([sys.executable, str(SERVER), "stop", "--home", home], check=True, capture_output=True)


def cassandra_cases(uri: str, users: int, facts: list[str]) -> list[Case]:
    """Publishing and reading; quantiles of single reads are told to `facts`."""
    store = create_store(uri, "datacenter1:1")
    assert isinstance(store, CassandraStore)
    ids = np.arange(users, dtype=np.int64)
    bucket_of = (splitmix64(ids) & np.uint64(BUCKETS - 1)).astype(int)
    tables = [stored_rows(draw(ids[bucket_of == k], DIM, k), NOBODY) for k in range(BUCKETS)]
    rows = sum(len(table) for table in tables)
    names = "user_id, delta, rank, reason, model, cluster, weight, margin, faces, vector"
    spare = iter(range(1_000_000, 2_000_000))  # numbers that no generation has
    keyspace = store.address.keyspace

    def publish() -> int:
        write_store(store, tables, f"bench-{time.time()}", DIM)
        active = store.active()
        return 0 if active is None else active.rows

    def bare() -> int:
        number = next(spare)
        create_base(store.session, keyspace, number)
        insert = store.session.prepare(
            f"INSERT INTO {keyspace}.base_{number} ({names}) VALUES ({', '.join('?' * 10)})"  # noqa: S608
        )
        shown = StoredGeneration(number, "bare", MODEL, DIM, (number,), BUCKETS, WRITING, 0.0)
        values = [each for table in tables for each in _values(table, shown)]
        execute_concurrent_with_args(store.session, insert, values, concurrency=CONCURRENCY)
        return len(values)

    publish()
    asked = np.random.default_rng(1).integers(0, users, min(POINTS, users)).tolist()
    snapshot = store.snapshot()
    columns = "delta, rank, reason, cluster, weight, margin, faces, vector"
    table = f"{keyspace}.base_{snapshot.generation.base}"
    select = store.session.prepare(f"SELECT {columns} FROM {table} WHERE user_id = ?")  # noqa: S608
    facts += [
        point_fact("kith, ledger too", snapshot.get, asked),
        point_fact("driver, prepared", lambda user: store.session.execute(select, (user,)).all(), asked),
    ]
    return [
        Case(
            f"Cassandra: publish {rows:,} rows",
            rows,
            "rows",
            [Side("kith, counted and active", publish), Side("driver, execute_concurrent", bare)],
            equal,
            {"driver, execute_concurrent": WANTED_PUBLISH},
        ),
        Case(
            "Cassandra: one user at a time",
            len(asked),
            "reads",
            [
                Side("kith, ledger too", lambda: [snapshot.get(user).reason for user in asked]),
                Side(
                    "driver, prepared",
                    lambda: [store.session.execute(select, (user,)).one().reason for user in asked],
                ),
            ],
            equal,
        ),
        Case(
            f"Cassandra: {MANY} users a call",
            len(asked),
            "reads",
            [
                Side(
                    "kith, ledger too",
                    lambda: [
                        each.reason
                        for k in range(0, len(asked), MANY)
                        for each in snapshot.get_many(asked[k : k + MANY])
                    ],
                ),
                Side(
                    "driver, execute_concurrent",
                    lambda: [
                        result.result_or_exc.one().reason
                        for result in execute_concurrent_with_args(store.session, select, [(user,) for user in asked])
                    ],
                ),
            ],
            equal,
        ),
    ]


def arrow_case(folder: Path, users: int) -> Case:
    """Lookups of one user in files of `users` profiles, beside what else keeps a vector by a number."""
    store = ArrowStore.create(folder / "store")
    fill(store, users, DIM, 0)
    snapshot = store.snapshot()
    asked = np.random.default_rng(1).integers(0, users, LOOKUPS).tolist()
    base = sqlite3.connect(folder / "profiles.sqlite")
    base.execute("CREATE TABLE profiles (user_id INTEGER PRIMARY KEY, vector BLOB) WITHOUT ROWID")
    for bucket in range(BUCKETS):
        rows = BucketFile(store.bucket_path(1, bucket), 1).rows
        with base:
            pairs = zip(rows["user_id"].to_pylist(), rows["vector"].to_pylist(), strict=True)
            base.executemany("INSERT INTO profiles VALUES (?, ?)", pairs)
    select = "SELECT vector FROM profiles WHERE user_id = ?"
    return Case(
        f"Arrow files: one of {users:,} users",
        LOOKUPS,
        "lookups",
        [
            Side("kith", lambda: [snapshot.get(user).vectors for user in asked]),
            Side("SQLite", lambda: [base.execute(select, (user,)).fetchone()[0] for user in asked]),
        ],
        same_vectors,
    )


def equal(ours: Any, theirs: Any) -> None:
    """Raise unless both sides answer the same."""
    assert ours == theirs, f"{str(ours)[:80]} and {str(theirs)[:80]} differ"


def same_vectors(ours: list[Any], theirs: list[bytes | None]) -> None:
    """Raise unless every user has the same vector, or none, on both sides."""
    assert all(one.tobytes() == (other or b"") for one, other in zip(ours, theirs, strict=True))


def second_reader(folder: Path, users: int) -> str:
    """What a fresh process measures that reads the same files as another before it: microseconds and memory."""
    command = [sys.executable, str(Path(__file__).parent / "store_lookups.py"), "--users", str(users)]
    command += ["--read", str(folder / "store")]
    runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(2)]
    found = runs[-1]
    line = (
        f"{users:,} profiles, one lookup in a second reading process: p50 {found['warm']['p50']:.1f} µs, p99 "
        f"{found['warm']['p99']:.1f} µs, with a new snapshot for each p50 {found['request']['p50']:.1f} µs; opened in "
        f"{found['open_ms']:.0f} ms; memory of its own {found['private_mib']:.1f} MiB, pages of files that all "
        f"processes share {found['shared_mib']:,.0f} MiB"
    )
    console.print(line)
    return line


def point_fact(name: str, call: Callable[[int], Any], users: list[int]) -> str:
    """Quantiles of one read at a time."""
    half, worst = np.quantile(timed(call, users), (0.5, 0.99))
    line = f"Cassandra, one user at a time, {name}: p50 {half:.2f} ms, p99 {worst:.2f} ms"
    console.print(line)
    return line


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__ or "", repeats=5)
    parser.add_argument("--users", default="1000000,10000000", help="profiles in the Arrow files, one size a case")
    parser.add_argument("--rows", type=int, default=50_000, help="users of a publish into Cassandra")
    parser.add_argument("--photos", type=Path, help="a folder of .jpg; without it drawn ones")
    given = parser.parse_args()
    sizes = [20_000] if given.tiny else [int(each) for each in given.users.split(",")]
    title = "Profile store: publish, lookups, whole photos"
    quiet = argparse.Namespace(**vars(given) | {"dry": True})
    rows: list[dict[str, Any]] = []
    facts: list[str] = []
    with cassandra() as uri:
        if uri is not None:
            rows += run("store", title, cassandra_cases(uri, 2000 if given.tiny else given.rows, facts), quiet)
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            folder = Path(name) / str(size)
            folder.mkdir()
            rows += run("store", title, [arrow_case(folder, size)], quiet)
            facts.append(second_reader(folder, size))
        if given.photos is None:
            draw_population(Path(name) / "drawn", users=6)
        photos = sorted((given.photos or Path(name) / "drawn").rglob("*.jpg"))[: 8 if given.tiny else 100]
        taken = photo_seconds(Path(name), photos, 1 if given.tiny else 3)
        rows += photo_rows(taken)
        facts.append(photo_fact(taken, photos))
        console.print(facts[-1])
    if not (given.tiny or given.dry):
        keep("store", title, rows, facts)


if __name__ == "__main__":
    main()
