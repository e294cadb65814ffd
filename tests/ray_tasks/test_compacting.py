"""Compaction: fewer files, the same bits for every reader, and none of the faces of photos that are gone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from profiling.settings import PartitionSettings, load_settings
from ray_tasks.build import build
from ray_tasks.compacting import Compacted, compact
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, file_generation, find_generation
from ray_tasks.lake import Lake, Manifest
from ray_tasks.lake_state import failed_share
from ray_tasks.lock import WriterLock
from ray_tasks.ray_session import RaySession
from ray_tasks.stages.partition import partition
from tests.conftest import BUCKETS, Built
from tests.ray_tasks.lake_eraser_child import HereSession
from tests.ray_tasks.test_kills import bits

HERE = cast("RaySession", HereSession())
DIM, LARGE = 128, 1000
NO_ONE = pa.array([], pa.int64()).to_numpy()


def run(lake: Lake, size: int = LARGE) -> Compacted:
    with WriterLock(lake, "test") as held:
        return compact(held, HERE, size)


@pytest.fixture
def lake(built: Built, tmp_path: Path) -> Lake:
    return Lake.open(shutil.copytree(built.lake, tmp_path / "lake"))


def parts(lake: Lake, generation: Generation) -> list[Manifest]:
    return [part for bucket in range(BUCKETS) for part in lake.results(generation.faces, bucket)]


def reading(lake: Lake, generation: Generation) -> list[bytes]:
    """What readers get of a generation's faces and photos seen."""
    tables = GenerationTables(lake, generation)
    seen = pa.concat_tables([each.seen() for each in tables.parts()])
    return [bits(tables.faces(DIM)), bits(seen), *(each.digest().encode() for each in tables.parts())]


def held_photos(lake: Lake, generation: Generation, table: str) -> list[int]:
    found = (lake.read(part, table, ["photo_id"])["photo_id"].to_pylist() for part in parts(lake, generation))
    return [photo for each in found for photo in each]


def test_many_parts_become_one_a_bucket_and_nobody_can_tell(lake: Lake) -> None:
    generation = find_generation(lake)
    before, many = reading(lake, generation), len(parts(lake, generation))
    done = run(lake)
    used = {part.bucket for part in parts(lake, generation)}
    assert many > len(used)
    assert done == Compacted(many, len(used), 0)
    assert len(parts(lake, generation)) == len(used)
    assert reading(lake, generation) == before
    files = set((lake.folder / "data" / generation.faces).rglob("*.parquet"))
    assert len(files) == 2 * len(used)
    assert run(lake) == Compacted(len(used), len(used), 0), "twice is once"
    assert failed_share(lake, 0.0) == 0.0


def test_parts_are_no_larger_than_asked_for(lake: Lake) -> None:
    generation = find_generation(lake)
    before = reading(lake, generation)
    run(lake)
    assert run(lake, 5).before == len({part.bucket for part in parts(lake, generation)}), "large parts are left"
    assert reading(lake, generation) == before


def without_photos(built: Built, lake: Lake, folder: Path, gone: list[int]) -> Generation:
    """A later snapshot without some photos, and a generation of it."""
    shutil.copytree(built.population, folder)
    for name in ("photos", "tags"):
        table = pq.read_table(folder / f"{name}.parquet")
        left = pc.invert(pc.is_in(table["photo_id"], value_set=pa.array(gone)))
        pq.write_table(table.filter(left), folder / f"{name}.parquet")
    made = partition(str(folder), lake, PartitionSettings(), NO_ONE)
    older = find_generation(lake)
    marks = older.stages | {"partition": [each.fingerprint for each in made.manifests]}
    record = replace(older, id="g000000000002", stages=marks, created=made.manifests[-1].created)
    return file_generation(lake, record)


def test_faces_of_photos_that_are_gone_leave_the_files(lake: Lake, built: Built, tmp_path: Path) -> None:
    older = find_generation(lake)
    with_faces = held_photos(lake, older, "faces")
    gone = sorted(set(with_faces))[:2]
    newer = without_photos(built, lake, tmp_path / "later", gone)
    before = reading(lake, newer)
    done = run(lake)
    assert done.photos_gone == len(gone)
    for table in ("seen", "faces"):
        assert not set(gone) & set(held_photos(lake, newer, table))
    assert reading(lake, newer) == before
    left = GenerationTables(lake, older).faces(DIM)
    assert set(left["photo_id"].to_pylist()) == set(with_faces) - set(gone)


def test_a_snapshot_on_its_way_keeps_what_the_newest_generation_has(lake: Lake, built: Built, tmp_path: Path) -> None:
    generation = find_generation(lake)
    photo = held_photos(lake, generation, "faces")[0]
    without_photos(built, lake, tmp_path / "later", [photo])
    (lake.folder / "generations" / "g000000000002.json").unlink()
    assert run(lake).photos_gone == 0
    assert photo in held_photos(lake, generation, "faces")


def test_bytes_that_were_replaced_leave_the_files_and_a_second_look_speaks(lake: Lake) -> None:
    generation = find_generation(lake)
    part = max(parts(lake, generation), key=lambda each: each.counts["photos"])
    seen = lake.read(part, "seen")
    photo = seen["photo_id"][0].as_py()
    first = seen.slice(0, 1)
    stale = first.set_column(1, seen.schema.field("version"), pa.array([-7], pa.int64()))
    again = first.set_column(2, seen.schema.field("reason"), pa.array(["too_large"], pa.string()))
    before = reading(lake, generation)
    for number, row in enumerate((stale, again)):
        with lake.attempt(generation.faces, part.bucket, f"{number:032x}") as attempt:
            attempt.write("seen", row)
            attempt.write("faces", lake.read(part, "faces").slice(0, 0))
            attempt.commit({"photos": 1, "faces": 0, "reasons": {}})
    assert run(lake).photos_gone == 1, "the old version"
    assert held_photos(lake, generation, "seen").count(photo) == 1
    assert reading(lake, generation) == before


@pytest.mark.slow
@pytest.mark.parametrize("deadly", [1, 2, 4, 7, 12])
def test_a_compaction_that_is_killed_is_gone_on_with(built: Built, tmp_path: Path, deadly: int) -> None:
    folder = shutil.copytree(built.lake, tmp_path / "lake")
    lake = Lake.open(folder)
    generation = find_generation(lake)
    before = reading(lake, generation)
    command = [sys.executable, "-m", "tests.ray_tasks.lake_compactor_child", str(folder), str(LARGE), str(deadly)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -9
    assert reading(lake, generation) == before, "in between nobody can tell either"
    run(lake)
    assert reading(lake, generation) == before
    assert len(parts(lake, generation)) == len({part.bucket for part in parts(lake, generation)})


@pytest.mark.slow
def test_a_build_after_it_ends_in_the_same_generation_and_looks_at_no_photo(lake: Lake, built: Built) -> None:
    generation = find_generation(lake)
    run(lake)
    few = parts(lake, generation)
    with RaySession(cpus=2) as session:
        again = build(built.population, lake, load_settings(built.settings), session)
    assert again == generation
    assert parts(lake, generation) == few
