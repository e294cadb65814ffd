"""A job whose heartbeat falls silent gives its lake back and ends; one that was never heard is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ray_tasks.heartbeat import FILE_VARIABLE, LIMIT_VARIABLE, Heartbeat, watched
from ray_tasks.lake import Lake
from ray_tasks.lock import current_holder

pytestmark = pytest.mark.slow

LIMIT_S = 1.0
PATIENCE_S = 60.0
WORK = """
import os, sys, time
from ray_tasks.heartbeat import watched
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
with watched(os.environ), WriterLock(Lake.open(sys.argv[1]), "kith test"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", 2)


@contextmanager
def working(lake: Lake, path: Path, seconds: float = 600) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {FILE_VARIABLE: str(path), LIMIT_VARIABLE: str(LIMIT_S)}
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(lake.folder), str(seconds)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def beat_for(heartbeat: Heartbeat, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        heartbeat.beat()
        time.sleep(LIMIT_S / 20)


def test_silence_ends_the_job_and_frees_the_lake(lake: Lake) -> None:
    path = lake.folder / "heartbeats" / "job-1"
    heartbeat = Heartbeat(path, every_s=LIMIT_S / 10)
    with working(lake, path) as process:
        beat_for(heartbeat, 3 * LIMIT_S)
        assert process.poll() is None
        began = time.monotonic()
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - began >= LIMIT_S / 2
        assert process.returncode != 0
        assert "nobody has followed this job for 1 s; it stops itself" in errors
    assert current_holder(lake) == (1, None)
    assert (lake.folder / "lock" / "0000000001.released").exists()
    assert not path.exists()


def test_a_second_follower_takes_over(lake: Lake) -> None:
    path = lake.folder / "heartbeats" / "job-1"
    with working(lake, path, seconds=5 * LIMIT_S) as process:
        beat_for(Heartbeat(path, every_s=LIMIT_S / 10), LIMIT_S)
        time.sleep(LIMIT_S / 2)
        beat_for(Heartbeat(path, every_s=LIMIT_S / 10), 5 * LIMIT_S)
        assert process.wait(PATIENCE_S) == 0


def test_a_job_that_was_never_followed_here_is_not_stopped(lake: Lake) -> None:
    with working(lake, lake.folder / "heartbeats" / "job-1", seconds=3 * LIMIT_S) as process:
        assert process.wait(PATIENCE_S) == 0


def test_nothing_is_written_where_no_folder_is(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "nowhere" / "job-1").beat()
    Heartbeat(None).beat()
    assert list(tmp_path.iterdir()) == []


def test_beats_are_few_and_the_last_takes_the_file_away(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "job-1", every_s=600)
    heartbeat.beat()
    first = (tmp_path / "job-1").read_text()
    heartbeat.beat()
    assert (tmp_path / "job-1").read_text() == first
    heartbeat.end()
    heartbeat.end()
    assert list(tmp_path.iterdir()) == []


def test_without_its_variables_nothing_is_watched() -> None:
    with watched({}):
        pass
