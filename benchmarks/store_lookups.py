"""How fast the embedded profile store answers, and what a second process of the host pays for it.

    python benchmarks/store_lookups.py [--users 1000000] [--dim 128] [--deltas 0] [--others]

Writes a base (and deltas of 1 % of the users each) of random profiles, then reads random users one at a time and 200 at
a time, in fresh processes whose own memory is measured. `--others` asks SQLite, a sorted Parquet file and a plain
dict for the same vectors, for comparison.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from profiling.hashing import splitmix64
from profiling.store.arrow_store import ArrowStore
from profiling.store.planning import bucket_rows
from profiling.vectors import vector_type

BUCKETS = 16
READS = 20_000  # single lookups that are timed
MANY = 200  # users of one call: friends of an uploader
DELTA_SHARE = 0.01
MODEL = "b" * 64
NOBODY = np.zeros(0, np.int64)


def draw(users: np.ndarray, dim: int, seed: int) -> pa.Table:
    """Table `profiles` of random vectors; 9 % of the users have none."""
    random = np.random.default_rng(seed)
    count = len(users)
    ok = random.random(count) < 0.91
    raw = random.integers(0, 255, (count, 2 * dim), np.uint8)
    valid = pa.py_buffer(np.packbits(ok, bitorder="little").tobytes())
    vectors = pa.Array.from_buffers(vector_type(dim), count, [valid, pa.py_buffer(raw.tobytes())])
    return pa.table(
        {
            "user_id": users,
            "reason": np.where(ok, "ok", "no_margin"),
            "leader": np.where(ok, 0, -1).astype(np.int16),
            "second": np.full(count, -1, np.int16),
            "weight": random.random(count, np.float32),
            "margin": random.random(count, np.float32),
            "faces": random.integers(2, 60, count).astype(np.int32),
            "profile": vectors,
            "second_profile": pa.nulls(count, vector_type(dim)),
        }
    )


def fill(store: ArrowStore, users: int, dim: int, deltas: int) -> float:
    """Publish a base and deltas; seconds for the base."""
    ids = np.arange(users, dtype=np.int64)
    bucket_of = (splitmix64(ids) & np.uint64(BUCKETS - 1)).astype(int)
    began = time.perf_counter()
    for number in range(deltas + 1):
        parent = store.active()
        begun = store.begin(f"g{number}", MODEL, dim, BUCKETS, parent)
        chosen = np.ones(users, bool) if parent is None else np.random.default_rng(number).random(users) < DELTA_SHARE
        for bucket in range(BUCKETS):
            rows = bucket_rows(draw(ids[(bucket_of == bucket) & chosen], dim, bucket), None, NOBODY)
            store.write(begun, bucket, rows)
        store.activate(store.finish(begun), None if parent is None else parent.number)
        if number == 0:
            seconds = time.perf_counter() - began
    return seconds


def quantiles(call: Callable[[int], object], users: list[int]) -> dict[str, float]:
    """p50 and p99 of a call a user, microseconds."""
    taken = []
    for user in users:
        began = time.perf_counter_ns()
        call(user)
        taken.append((time.perf_counter_ns() - began) / 1000)
    return {"p50": float(np.quantile(taken, 0.5)), "p99": float(np.quantile(taken, 0.99))}


def memory() -> tuple[float, float]:
    """MiB of this process that are its own, and of files, which all processes of the host share."""
    lines = dict(line.split(":") for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    own, all_of_it = (int(lines[name].split()[0]) / 1024 for name in ("Anonymous", "Rss"))
    return own, all_of_it - own


def read(folder: str, users: int) -> dict[str, object]:
    """What a fresh process measures: opening, lookups cold and warm, private and shared memory in MiB."""
    before = memory()
    began = time.perf_counter()
    store = ArrowStore(folder)
    snapshot = store.snapshot()
    opened = time.perf_counter() - began
    random = np.random.default_rng(1)
    asked = random.integers(0, users, READS).tolist()
    snapshot.get(-1)
    first = quantiles(snapshot.get, asked)
    second = quantiles(snapshot.get, asked)
    request = quantiles(lambda user: store.snapshot().get(user), asked)
    groups = random.integers(0, users, (READS // MANY, MANY)).tolist()
    began = time.perf_counter()
    for group in groups:
        snapshot.get_many(group)
    many = (time.perf_counter() - began) / len(groups) * 1e6
    after = memory()
    return {
        "open_ms": 1000 * opened,
        "cold": first,
        "warm": second,
        "request": request,
        "many_us": many,
        "private_mib": after[0] - before[0],
        "shared_mib": after[1] - before[1],
    }


def compare(folder: Path, store: ArrowStore, users: int) -> dict[str, dict[str, float]]:
    """The same vectors in other shapes."""
    rows = [store.bucket_path(1, bucket) for bucket in range(BUCKETS)]
    table = pa.concat_tables([pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in rows])
    table = table.sort_by("user_id").combine_chunks()
    asked = np.random.default_rng(1).integers(0, users, READS).tolist()
    base = sqlite3.connect(folder / "profiles.sqlite")
    base.execute("CREATE TABLE profiles (user_id INTEGER PRIMARY KEY, vector BLOB) WITHOUT ROWID")
    pairs = zip(table["user_id"].to_pylist(), table["vector"].to_pylist(), strict=True)
    with base:
        base.executemany("INSERT INTO profiles VALUES (?, ?)", pairs)
    select = "SELECT vector FROM profiles WHERE user_id = ?"
    found = {"SQLite": quantiles(lambda user: base.execute(select, (user,)).fetchone(), asked)}
    pq.write_table(table, folder / "profiles.parquet", row_group_size=10_000)
    path = folder / "profiles.parquet"
    found["Parquet, row groups of 10,000"] = quantiles(
        lambda user: pq.read_table(path, columns=["vector"], filters=[("user_id", "=", user)]), asked[:50]
    )
    kept = dict(zip(table["user_id"].to_pylist(), table["vector"].to_pylist(), strict=True))
    found["dict of bytes"] = quantiles(lambda user: kept[user], asked)
    return found


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--deltas", type=int, default=0)
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        sys.stdout.write(json.dumps(read(given.read, given.users)))
        return
    with tempfile.TemporaryDirectory() as name:
        store = ArrowStore.create(f"{name}/store")
        seconds = fill(store, given.users, given.dim, given.deltas)
        command = [sys.executable, __file__, "--users", str(given.users), "--read", str(store.folder)]
        runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(2)]
        others = compare(Path(name), store, given.users) if given.others else {}
    show(given, seconds, runs, others)


def show(given: argparse.Namespace, seconds: float, runs: list[dict[str, object]], others: dict[str, object]) -> None:
    """One table of microseconds, and a line of memory for each reading process."""
    console = Console(soft_wrap=True)
    console.print(f"{given.users:,} users of {given.dim} numbers, {given.deltas} deltas; base in {seconds:.1f} s")
    table = Table("microseconds", "p50", "p99")
    last = runs[-1]
    names = {"cold": "first reads", "warm": "again", "request": "snapshot and read"}
    measured = {f"Arrow store, {title}": last[key] for key, title in names.items()} | others
    for title, found in measured.items():
        table.add_row(title, *(f"{found[key]:.1f}" for key in ("p50", "p99")))  # type: ignore[index]
    console.print(table)
    console.print(f"{MANY} users in one call: {last['many_us']:.0f} us")
    for run in runs:
        console.print(
            f"a reading process: open {run['open_ms']:.0f} ms, own memory {run['private_mib']:.1f} MiB, "
            f"of files {run['shared_mib']:.1f} MiB"
        )


if __name__ == "__main__":
    main()
