"""Decoders may die, hang or run out of memory, or their parent may; only a photo that does it twice is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from profiling.decoding import DecodedPhoto, PhotoRefused
from profiling.settings import DecodingSettings
from ray_tasks.decoders import DecoderPool
from tests.ray_tasks.decoded_here import PHOTOS, SETTINGS, decode_here, fill, gone, reasons
from tests.ray_tasks.harmful_child import MODULE, begun

ROOT = Path(__file__).parents[2]
SHARED_MEMORY = Path("/dev", "shm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path)


@pytest.mark.parametrize(
    ("name", "reason", "word"),
    [
        ("segfault", "decoder_died", "SIGSEGV"),
        ("exit", "decoder_died", "exit code 3"),
        ("lying", "decoder_died", "broken answer"),
        pytest.param("hang", "decoder_timeout", "2 s", marks=pytest.mark.slow),
        ("greedy", "no_memory", "memory"),
    ],
)
def test_a_harmful_photo_is_tried_twice_and_costs_only_itself(folder: Path, name: str, reason: str, word: str) -> None:
    uris = ["0.png", "1.png", f"{name}.png", "2.png", "3.png", "4.png"]
    with DecoderPool(2, str(folder), DecodingSettings(timeout_s=2), MODULE) as pool:
        found = [photo for _, photo in pool.decode(uris)]
        assert reasons(pool, uris[:2]) == ["ok", "ok"]
    assert [photo.reason if isinstance(photo, PhotoRefused) else "ok" for photo in found] == [
        "ok",
        "ok",
        reason,
        "ok",
        "ok",
        "ok",
    ]
    refused = found[2]
    assert isinstance(refused, PhotoRefused)
    assert word in refused.detail
    assert str(folder) not in refused.detail
    assert begun(folder).count(f"{name}.png") == 2


def test_a_decoder_that_died_once_costs_no_photo(folder: Path) -> None:
    with DecoderPool(1, str(folder), SETTINGS, MODULE) as pool:
        assert reasons(pool, ["0.png", "once.png", "1.png"]) == ["ok", "ok", "ok"]


def test_a_photo_whose_decoder_is_killed_is_still_decoded(folder: Path) -> None:
    with DecoderPool(1, str(folder), SETTINGS, MODULE) as pool:
        (before,) = pool.pids()
        threading.Timer(0.5, os.kill, (before, signal.SIGKILL)).start()
        assert reasons(pool, ["slow.png", "0.png"]) == ["ok", "ok"]
        (after,) = pool.pids()
        assert after != before
    assert begun(folder) == ["slow.png", "slow.png", "0.png"]


def test_a_photo_whose_decoder_is_killed_twice_gets_its_reason(folder: Path) -> None:
    with DecoderPool(1, str(folder), SETTINGS, MODULE) as pool:
        (first,) = pool.pids()

        def kill_twice() -> None:
            time.sleep(0.4)
            os.kill(first, signal.SIGKILL)
            while pool.pids() in ((), (first,)) or len(begun(folder)) < 2:
                time.sleep(0.02)
            os.kill(pool.pids()[0], signal.SIGKILL)

        killer = threading.Thread(target=kill_twice)
        killer.start()
        assert reasons(pool, ["slow.png", "0.png"]) == ["decoder_died", "ok"]
        killer.join()


def test_decoders_killed_while_idle_cost_no_try(folder: Path) -> None:
    with DecoderPool(2, str(folder), SETTINGS, MODULE) as pool:
        for pid in pool.pids():
            os.kill(pid, signal.SIGKILL)
            assert gone(pid)
        assert reasons(pool, ["0.png", "1.png", "2.png"]) == ["ok", "ok", "ok"]
    assert len(begun(folder)) == 3


@pytest.mark.slow
def test_kills_again_and_again_change_no_bit(folder: Path) -> None:
    """Children are killed while photos come; no photo is lost or changed."""
    uris = [f"{k % PHOTOS}.png" for k in range(400)]
    wanted = [decode_here(uri, str(folder)) for uri in uris[:PHOTOS]]
    kills = 0
    with DecoderPool(2, str(folder), SETTINGS) as pool:
        for index, photo in pool.decode(uris):
            if index % 80 == 20:
                while len(pool.pids()) < 2:  # a kill of a second try would rightly cost its photo
                    time.sleep(0.02)
                time.sleep(0.2)
                os.kill(pool.pids()[kills % 2], signal.SIGKILL)
                kills += 1
            one = wanted[index % PHOTOS]
            assert isinstance(one, DecodedPhoto)
            assert isinstance(photo, DecodedPhoto), photo
            assert (one.pixels == photo.pixels).all()
    assert kills == 5


@pytest.mark.slow
def test_the_second_try_is_alone(folder: Path) -> None:
    """While a photo is tried once more, no other one of the pool is in work."""
    with DecoderPool(3, str(folder), SETTINGS, MODULE) as pool:
        assert set(reasons(pool, [*["0.png"] * 6, "once.png", *["0.png"] * 30])) == {"ok"}
    lines = (folder / "log").read_text().splitlines()
    again = [place for place, line in enumerate(lines) if line == "begin once.png"][1]
    assert lines[again + 1] == "end once.png"
    assert lines[:again].count("begin 0.png") == lines[:again].count("end 0.png")


@pytest.fixture
def busy_parent(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process of its own with a pool of two: one child hangs in a photo, the other waits."""
    program = f"""
import sys, threading
from profiling.settings import DecodingSettings
from ray_tasks.decoders import DecoderPool
pool = DecoderPool(2, {str(folder)!r}, DecodingSettings(), {MODULE!r})
threading.Thread(target=lambda: list(pool.decode(["hang.png"]))).start()
print(*pool.pids(), flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout is not None
        yield parent, [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child notices its parent's end after the photo")
def test_children_end_when_their_parent_is_killed(busy_parent: tuple[subprocess.Popen[str], list[int]]) -> None:
    before = set(SHARED_MEMORY.iterdir())
    parent, pids = busy_parent
    time.sleep(0.5)
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)
    parent.kill()
    parent.wait()
    assert all(gone(pid) for pid in pids)
    assert set(SHARED_MEMORY.iterdir()) <= before


@pytest.mark.slow
def test_a_photo_too_large_for_the_memory_costs_only_itself(folder: Path) -> None:
    Image.new("1", (9_900, 9_900)).save(folder / "wide.png")
    with DecoderPool(1, str(folder), DecodingSettings(memory_mb=512)) as pool:
        assert reasons(pool, ["0.png", "wide.png", "1.png"]) == ["ok", "no_memory", "ok"]
