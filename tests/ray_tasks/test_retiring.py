"""What is old goes from a lake; what is kept stays whole, and faces go only when nothing asks for them."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import pyarrow.parquet as pq
import pytest

from profiling.settings import RetentionSettings, load_settings
from ray_tasks.build import build
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, file_generation, find_generation, generations
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.ray_session import RaySession
from ray_tasks.retiring import DAY_S, Retired, retire
from tests.conftest import Built
from tests.ray_tasks.lake_eraser_child import HereSession

HERE = cast("RaySession", HereSession())
ONE = RetentionSettings(generations=1, days=10, faces_days=60)


def run(lake: Lake, settings: RetentionSettings, days: float, published: tuple[str, ...] = ()) -> Retired:
    """The retention as it will be in some days."""
    with WriterLock(lake, "test") as held:
        return retire(held, settings, HERE, published, time.time() + days * DAY_S)


@pytest.fixture
def lake(built: Built, tmp_path: Path) -> Lake:
    return Lake.open(shutil.copytree(built.lake, tmp_path / "lake"))


def profiles(lake: Lake, generation: Generation) -> list[dict[str, object]]:
    return list(GenerationTables(lake, generation).table(generation.last_round, "profiles").to_pylist())


def files(lake: Lake) -> set[str]:
    return {str(path) for path in (lake.folder / "data").rglob("*.parquet")}


def test_the_newest_stays_whole_however_old(lake: Lake) -> None:
    generation, before = find_generation(lake), files(lake)
    gone = run(lake, ONE, 1000)
    assert gone.generations == ()
    assert gone.photos == 0
    assert repr(profiles(lake, generation)) == repr(profiles(Lake.open(lake.folder), generation))
    left = files(lake)
    assert {path for path in before - left if "/embed-" in path or "/score-" in path or "/cluster/" in path} == set()
    assert run(lake, ONE, 1000) == Retired((), 0, 0, 0), "twice is once"


def older(lake: Lake, generation: Generation) -> Generation:
    """A generation of results that no other has, filed as a week older."""
    marks = {stage: [f"{mark[::-1]}" for mark in found] for stage, found in generation.stages.items()}
    for stage, found in marks.items():
        for bucket, mark in enumerate(found):
            source = generation.manifest(lake, stage, bucket)
            with lake.attempt(stage, bucket, mark) as attempt:
                for name in source.files:
                    attempt.write(name, lake.read(source, name))
                attempt.commit(source.counts)
    record = replace(generation, id="g000000000001", stages=marks, created=generation.created - 7 * DAY_S)
    return file_generation(lake, record)


def test_an_older_generation_goes_with_what_only_it_needs(lake: Lake) -> None:
    newest = find_generation(lake)
    second = older(lake, newest)
    assert run(lake, ONE, 0).generations == (), "younger than the limit"
    assert run(lake, ONE, 20, published=(second.id,)).generations == (), "served by a store"
    gone = run(lake, ONE, 20)
    assert gone.generations == (second.id,)
    assert gone.results >= sum(len(marks) for marks in second.stages.values())
    assert [each.id for each in generations(lake)] == [newest.id]
    for stage, marks in second.stages.items():
        assert all(lake.find(stage, bucket, mark) is None for bucket, mark in enumerate(marks))
        assert all(newest.manifest(lake, stage, bucket) for bucket in range(lake.buckets))


def test_faces_go_when_nobody_selects_their_photos(lake: Lake) -> None:
    generation = find_generation(lake)
    bucket = next(k for k in range(lake.buckets) if generation.manifest(lake, "select", k).counts["photos"] > 1)
    source = generation.manifest(lake, "select", bucket)
    selection = lake.read(source, "selection")
    dropped = selection["photo_id"][0].as_py()
    path = lake.folder / source.files["selection"][0]
    pq.write_table(selection.slice(1), path)
    assert run(lake, ONE, 30).photos == 0, "younger than the limit of faces"
    assert run(lake, ONE, 70).photos == 1
    seen = {
        photo
        for part in lake.results(generation.faces, bucket)
        for name in ("seen", "faces")
        for photo in lake.read(part, name, ["photo_id"])["photo_id"].to_pylist()
    }
    assert dropped not in seen
    assert seen == set(selection["photo_id"].to_pylist()[1:])


@pytest.mark.slow
def test_a_build_after_it_finds_what_is_kept_and_ends_in_the_same_generation(lake: Lake, built: Built) -> None:
    generation = find_generation(lake)
    run(lake, ONE, 1000)
    with RaySession(cpus=2) as session:
        again = build(built.population, lake, load_settings(built.settings), session)
    assert asdict(again) == asdict(generation)
