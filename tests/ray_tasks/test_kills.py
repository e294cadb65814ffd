"""Whatever is killed while a build runs, the result is the undisturbed one, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from profiling.embedding import get_model
from profiling.errors import LakeLockedError
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from tests.conftest import BUCKETS, Built

pytestmark = pytest.mark.slow
PATIENCE_S = 240  # for a build of a few dozen photos, Ray's start included


def start(built: Built, lake: Path) -> subprocess.Popen[bytes]:
    command = ["build", str(built.population), "--lake", str(lake), "--settings", str(built.settings)]
    return subprocess.Popen(
        [sys.executable, "-m", "ray_tasks", *command, "--cpus", "2", "--buckets", str(BUCKETS), "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors.decode()[-2000:]


def wait_for(process: subprocess.Popen[bytes], what: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert process.poll() is None, "the build ended before it could be disturbed"
        assert time.monotonic() < until, "the build never got there"
        time.sleep(0.02)


def stages(lake: Path) -> dict[str, dict[str, float]]:
    """Progress of the newest run, as `kith status` reads it."""
    notes = sorted((lake / "runs").glob("*.json"))
    return dict(json.loads(notes[-1].read_text()).get("stages", {})) if notes else {}


def parts(lake: Path) -> int:
    return len(list((lake / "manifests").glob("embed-*/*/*.json")))


def descendants(process: subprocess.Popen[bytes], part: str) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if part in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def kill_one(process: subprocess.Popen[bytes], *parts: str) -> None:
    """Kill -9 the first descendant whose command line holds one of `parts`, the first of them that is there."""
    wait_for(process, lambda: any(descendants(process, part) for part in parts))
    next(found for part in parts if (found := descendants(process, part)))[0].kill()


def results(lake: Path) -> list[pa.Table]:
    """Faces, photos seen, and the profiles of every round."""
    opened = Lake.open(lake)
    tables = GenerationTables(opened, find_generation(opened))
    dim = get_model(tables.settings.embedding.model).dim
    return [tables.faces(dim), tables.table("cluster", "looked"), *tables.rounds("scores"), *tables.rounds("profiles")]


def bits(table: pa.Table) -> bytes:
    """A table's content, bit by bit: NaN equals NaN, and nothing equals nearly."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def assert_equal(lake: Path, undisturbed: Path) -> None:
    found, expected = results(lake), results(undisturbed)
    assert len(found) == len(expected)
    assert len(expected[0]) > 50, "too few faces to show anything"
    for one, other in zip(found, expected, strict=True):
        assert bits(one) == bits(other)


def embedding(lake: Path) -> Callable[[], bool]:
    return lambda: parts(lake) > 0


@pytest.mark.parametrize("victim", ["ray::DetectActor", "ray::EmbedActor", "ray_tasks.decoder_child"])
def test_a_process_killed_during_embed_changes_nothing(built: Built, tmp_path: Path, victim: str) -> None:
    lake = tmp_path / "lake"
    process = start(built, lake)
    wait_for(process, embedding(lake))
    kill_one(process, victim)
    finish(process)
    assert_equal(lake, built.lake)


def test_the_main_process_killed_during_embed_goes_on_where_it_was(built: Built, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    process = start(built, lake)
    wait_for(process, embedding(lake))
    workers = ("ray::DetectActor", "ray::EmbedActor", "ray_tasks.decoder_child")
    family = [child for part in workers for child in descendants(process, part)]
    assert len(family) >= len(workers)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, f"left behind: {[child.name() for child in alive]}"
    done = parts(lake)
    finish(start(built, lake))
    assert done > 0
    assert_equal(lake, built.lake)


def before_score(built: Built, lake: Path) -> None:
    """The undisturbed lake as it was when `score` began."""
    shutil.copytree(built.lake, lake)
    manifests = lake / "manifests"
    for path in [*manifests.glob("score-*"), manifests / "audit", lake / "generations", lake / "runs"]:
        shutil.rmtree(path)
    for path in (lake / "rows").glob("profiles-*"):
        path.unlink()


def scoring(lake: Path) -> Callable[[], bool]:
    return lambda: (lake / "manifests" / "score-0").is_dir()


def test_the_main_process_killed_during_score_goes_on_where_it_was(built: Built, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    before_score(built, lake)
    process = start(built, lake)
    wait_for(process, scoring(lake))
    process.kill()
    process.communicate()
    assert not (lake / "generations").exists()
    finish(start(built, lake))
    assert_equal(lake, built.lake)


def test_a_worker_killed_during_score_changes_nothing(built: Built, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    before_score(built, lake)
    process = start(built, lake)
    wait_for(process, scoring(lake))
    kill_one(process, "ray::score", "ray::IDLE")
    finish(process)
    assert_equal(lake, built.lake)


def test_a_build_beside_a_running_build_is_refused_with_the_holders_name(built: Built, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    process = start(built, lake)
    try:
        wait_for(process, lambda: (lake / "lock" / "0000000001.json").exists())
        second = start(built, lake)
        _, errors = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == LakeLockedError.exit_code == 75
        assert errors.decode().strip().count("\n") == 0
        assert f"process {process.pid} on" in errors.decode()
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def test_ctrl_c_stops_cleanly_and_a_rerun_goes_on(built: Built, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    process = start(built, lake)
    wait_for(process, embedding(lake))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everybody in the group hears it
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "run the same command again" in errors.decode()
    assert "Traceback" not in errors.decode()
    finish(start(built, lake))
    assert_equal(lake, built.lake)
