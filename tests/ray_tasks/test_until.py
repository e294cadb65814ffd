"""A build stage by stage is one whole build, bit for bit, and what is done costs no look at its tables."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.errors import LakeError, LakeLockedError, SettingsError
from profiling.settings import load_settings
from ray_tasks.build import build_until
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake, Manifest
from ray_tasks.lock import WriterLock, current_holder
from ray_tasks.ray_session import RaySession
from ray_tasks.stops import LAST, PLAN, STAGES, StageEnd, Stop
from tests.conftest import BUCKETS, Built
from tests.ray_tasks.test_build import NoRay
from tests.ray_tasks.test_kills import assert_equal

ROUNDS = 4
ALL = (*STAGES, *(f"round-{number}" for number in range(ROUNDS + 1)), *LAST)


def go(built: Built, lake: Path, until: str, session: RaySession, partition: str = "") -> StageEnd:
    settings = load_settings(built.settings)
    assert settings.scoring.rounds == ROUNDS
    opened = Lake.create(lake, BUCKETS)
    end = build_until(Stop(until), built.population, opened, settings, session, partition=partition)
    assert current_holder(opened)[1] is None
    return end


@pytest.fixture(scope="module")
def staged(built: Built, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, StageEnd]]:
    """A lake built stage by stage, each in a build of its own, with what the stages told."""
    lake = tmp_path_factory.mktemp("staged") / "lake"
    ends: dict[str, StageEnd] = {}
    with RaySession(cpus=2) as session:
        for until in ALL:
            partition = ends["partition"].told["partition"] if ends else ""
            ends[until] = go(built, lake, until, session, partition)
            made = {path.name for path in (lake / "manifests").iterdir()}
            if until == "people":
                assert "cluster" not in made
            if until == "round-0":
                assert "score-0" in made
                assert not made & {"score-1", "broaden", "audit"}
    return lake, ends


@pytest.mark.slow
def test_stage_by_stage_is_one_whole_build(built: Built, staged: tuple[Path, dict[str, StageEnd]]) -> None:
    lake, ends = staged
    assert_equal(lake, built.lake)
    finished = ends["audit"].generation
    assert finished is not None
    assert finished.id == built.generation
    assert finished.audit == find_generation(Lake.open(built.lake), built.generation).audit
    assert finished.population == str(built.population)


@pytest.mark.slow
def test_a_stage_tells_numbers_and_no_vectors(built: Built, staged: tuple[Path, dict[str, StageEnd]]) -> None:
    _, ends = staged
    audit = find_generation(Lake.open(built.lake), built.generation).audit
    assert ends["partition"].told["users"] == audit["users"]
    assert ends["embed"].told["photos"] == ends["select"].told["photos"] == audit["photos"]["selected"]
    assert ends["embed"].told["reasons"] == audit["photos"]["by_reason"]
    assert ends["cluster"].told["clusters"] > 0
    for number, each in enumerate(audit["rounds"]):
        told = ends[f"round-{number}"].told
        assert (told["round"], told["moved"]) == (number, each["moved"])
    assert ends["broaden"].told["profiles"] == audit["profiles"]
    for end in ends.values():
        assert len(json.dumps(end.told)) < 1000


@pytest.mark.slow
def test_rounds_that_settled_stay_settled(staged: tuple[Path, dict[str, StageEnd]]) -> None:
    _, ends = staged
    last = [ends[f"round-{number}"] for number in range(ROUNDS + 1)]
    over = next(k for k, end in enumerate(last) if end.rounds_over)
    assert last[over].told["settled"] or over == ROUNDS
    assert all(end == last[over] for end in last[over:])


@pytest.mark.slow
def test_what_is_done_is_found_by_its_manifests_alone(
    built: Built, staged: tuple[Path, dict[str, StageEnd]], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, str]] = []
    real = Lake.read

    def spy(lake: Lake, manifest: Manifest, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        read.append((manifest.stage, table))
        return real(lake, manifest, table, columns)

    monkeypatch.setattr(Lake, "read", spy)
    lake, ends = staged
    for until in ALL:
        again = go(built, lake, until, NoRay(), ends["partition"].told["partition"])
        assert again == ends[until]
    assert read == []


@pytest.mark.slow
def test_a_population_that_changed_since_is_left_for_another_build(
    built: Built, staged: tuple[Path, dict[str, StageEnd]], tmp_path: Path
) -> None:
    lake, ends = staged
    changed = tmp_path / "population"
    changed.mkdir()
    pq.write_table(pq.read_table(built.population / "users.parquet").slice(1), changed / "users.parquet")
    other = Built(changed, built.lake, built.settings, built.generation)
    mark = ends["partition"].told["partition"]
    assert go(other, lake, "cluster", NoRay(), mark) == ends["cluster"]
    with pytest.raises(LakeError, match=r"--partition 0123: .* holds none of that name"):
        go(other, lake, "cluster", NoRay(), "0123")


@pytest.mark.slow
def test_a_dry_run_counts_the_photos_to_look_at(
    built: Built, staged: tuple[Path, dict[str, StageEnd]], tmp_path: Path
) -> None:
    lake, ends = staged
    photos = ends["select"].told["photos"]
    with RaySession(cpus=2) as session:
        fresh = go(built, tmp_path / "lake", PLAN, session)
    assert fresh.told["photos"] == fresh.told["photos_to_look_at"] == photos
    assert not list((tmp_path / "lake" / "manifests").glob("embed-*"))
    assert go(built, lake, PLAN, NoRay()).told["photos_to_look_at"] == 0


@pytest.mark.slow
def test_the_command_prints_what_a_program_reads(built: Built, staged: tuple[Path, dict[str, StageEnd]]) -> None:
    lake, ends = staged

    def kith(*more: str) -> Any:
        command = [sys.executable, "-m", "ray_tasks", "build", str(built.population), "--lake", str(lake)]
        command += ["--settings", str(built.settings), "--json", *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        return json.loads(done.stdout)

    assert kith("--until", "partition") == {"stage": "partition"} | ends["partition"].told
    assert kith("--until=round-1")["settled"] == ends["round-1"].told["settled"]
    assert kith("--until=audit") == kith()
    assert kith()["generation"] == built.generation


@pytest.mark.parametrize("text", ["", "rounds", "round-5", "round-", "round-01", "round--1", "score-0", "plan"])
def test_other_stages_are_refused_in_one_line(text: str) -> None:
    known = "choose partition, select, embed, people, cluster, round-0 to round-4, broaden or audit"
    with pytest.raises(SettingsError, match=f"^--until {text}: {known}$"):
        Stop.parse(text, ROUNDS)


def test_a_patient_writer_waits_for_its_turn(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", 2)
    with WriterLock(lake, "first"):
        began = time.monotonic()
        with pytest.raises(LakeLockedError, match="first"):
            WriterLock(lake, "second", 0.5).__enter__()
        assert time.monotonic() - began >= 0.5
    first = WriterLock(lake, "first")
    first.__enter__()
    threading.Timer(0.5, lambda: first.__exit__(None, None, None)).start()
    with WriterLock(lake, "second", 30) as held:
        assert held.epoch == first.epoch + 1
