"""A publisher killed with -9 at every step: readers see the old generation or the new one, whole, all the while."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path

import pytest

from profiling.store import open_store
from tests.profiling.store.populations import answer, draw_profiles, expected, publish
from tests.profiling.store.publisher_child import USERS

pytestmark = pytest.mark.slow
PATIENCE_S = 120
STEPS = ("begun", "bucket 0", "bucket 2", "finished")


def start_publisher(uri: str, seed: int, kind: str, step: str = "") -> subprocess.Popen[str]:
    """Publish `g<seed>`; the process kills itself with -9 right after `step`."""
    command = [sys.executable, "-m", "tests.profiling.store.publisher_child", uri, str(seed), kind, step]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run_publisher(uri: str, seed: int, kind: str, step: str = "") -> None:
    process = start_publisher(uri, seed, kind, step)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == (-9 if step else 0)


def start_reader(uri: str, log: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.profiling.store.reader_child", uri, str(log)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    until = time.monotonic() + PATIENCE_S
    while not log.exists() or not log.read_text():
        assert time.monotonic() < until, "the reader never began"
        time.sleep(0.05)
    return process


def stop_reader(reader: subprocess.Popen[str], log: Path) -> None:
    """Let it read a few times more, then end it."""
    seen, until = len(reads(log)), time.monotonic() + PATIENCE_S
    while len(reads(log)) < seen + 3 and time.monotonic() < until:
        time.sleep(0.05)
    reader.communicate("", timeout=PATIENCE_S)


def reads(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]


def assert_whole(log: Path, generations: list[str]) -> None:
    """No read failed, every one was right for its generation, and generations came in this order."""
    found = reads(log)
    assert not [line for line in found if "error" in line]
    assert_order(found, generations)


def assert_order(found: list[dict[str, object]], generations: list[str]) -> None:
    """Every read was right for its generation, and generations came in this order."""
    assert not [line for line in found if line["wrong"]]
    assert [id for id, _ in groupby(line["generation"] for line in found)] == generations


@pytest.mark.parametrize("kind_of_segment", ["base", "delta"])
def test_readers_see_whole_generations_while_publishers_die(uri: str, tmp_path: Path, kind_of_segment: str) -> None:
    store = open_store(uri)
    publish(store, "g0", draw_profiles(USERS, 0))
    log = tmp_path / "reads"
    reader = start_reader(uri, log)
    for step in STEPS:
        run_publisher(uri, 1, kind_of_segment, step)
        assert store.snapshot().generation.id == "g0"
    run_publisher(uri, 1, kind_of_segment)
    stop_reader(reader, log)
    assert_whole(log, ["g0", "g1"])
    assert len(reads(log)) > 50
    assert len(store.generations()) == 2, "each publish took up the one that was killed"
    oracle = expected(draw_profiles(USERS, 1))
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
    store.close()


def test_readers_see_whole_generations_whenever_publishers_die(uri: str, tmp_path: Path) -> None:
    store = open_store(uri)
    publish(store, "g0", draw_profiles(USERS, 0))
    log = tmp_path / "reads"
    reader = start_reader(uri, log)
    for seed, delay in enumerate((0.0, 0.004, 0.012, 0.03), start=1):
        process = start_publisher(uri, seed, "base" if seed % 2 else "delta")
        assert process.stdout is not None
        next(line for line in process.stdout if line.strip() == "begun")
        time.sleep(delay)
        process.kill()
        process.communicate(timeout=PATIENCE_S)
        run_publisher(uri, seed, "base" if seed % 2 else "delta")
    stop_reader(reader, log)
    assert_whole(log, ["g0", "g1", "g2", "g3", "g4"])
    oracle = expected(draw_profiles(USERS, 4))
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
    store.close()
