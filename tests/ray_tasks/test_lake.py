"""The commit protocol: whole results or nothing, one winner, no strays."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.errors import LakeError
from profiling.places import name_below
from profiling.small_files import create_exclusively, replace
from ray_tasks.lake import Lake, fingerprint

BUCKETS = 8


@pytest.fixture
def lake(lake_folder: str) -> Lake:
    return Lake.create(lake_folder, BUCKETS)


def table_of(value: int, rows: int = 100) -> pa.Table:
    return pa.table({"value": np.full(rows, value)})


def data_files(lake: Lake) -> set[str]:
    return {name_below(path, lake.folder) for path in (lake.folder / "data").rglob("*") if path.is_file()}


def commit(lake: Lake, value: int, bucket: int = 0, mark: str = "a" * 32) -> int:
    with lake.attempt("stage", bucket, mark) as attempt:
        attempt.write("t", table_of(value))
        return int(attempt.commit({"value": value}).counts["value"])


def test_a_result_counts_from_its_commit_on(lake: Lake) -> None:
    with lake.attempt("stage", 0, "a" * 32) as attempt:
        attempt.write("t", table_of(1))
        assert lake.find("stage", 0, "a" * 32) is None
        manifest = attempt.commit({"rows": 100})
    found = lake.find("stage", 0, "a" * 32)
    assert found == manifest
    assert lake.read(found, "t").equals(table_of(1))


def test_an_attempt_without_commit_leaves_nothing(lake: Lake) -> None:
    with lake.attempt("stage", 0, "a" * 32) as attempt:
        attempt.write("t", table_of(1))
    assert data_files(lake) == set()


def test_the_loser_of_a_race_gets_the_winners_result_and_leaves_no_file(lake: Lake) -> None:
    first, second = lake.attempt("s", 0, "f"), lake.attempt("s", 0, "f")
    first.write("t", table_of(1))
    second.write("t", table_of(2))
    winner, loser = second.commit({"value": 2}), first.commit({"value": 1})
    assert loser == winner
    assert data_files(lake) == set(winner.files["t"])


def _race(folder: str, value: int, gate: multiprocessing.synchronize.Barrier) -> None:
    lake = Lake.open(folder)
    for bucket in range(BUCKETS):
        gate.wait()
        commit(lake, value, bucket)


def test_two_writers_racing_for_every_bucket_leave_one_whole_result_and_no_stray_file(lake: Lake) -> None:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    writers = [context.Process(target=_race, args=(str(lake.folder), value, gate)) for value in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    named = set()
    for bucket in range(BUCKETS):
        (manifest,) = lake.results("stage", bucket)
        assert lake.read(manifest, "t").equals(table_of(manifest.counts["value"]))
        named |= set(manifest.files["t"])
    assert data_files(lake) == named
    everything = {path.name for path in lake.folder.rglob("*") if path.is_file()} - {".keep"}
    assert not [name for name in everything if name.startswith(".")]


def test_a_sweep_removes_what_no_manifest_names_and_nothing_else(lake: Lake) -> None:
    commit(lake, 1)
    kept = data_files(lake)
    lake.attempt("stage", 3, "b" * 32).write("t", table_of(2))
    if isinstance(lake.folder, Path):
        (lake.folder / "scratch" / "old").mkdir(parents=True)
    assert lake.sweep() == 1
    assert data_files(lake) == kept
    assert not (lake.folder / "scratch").exists()


def test_a_writer_of_an_older_epoch_cannot_commit(lake: Lake) -> None:
    create_exclusively(lake.folder / "lock" / "0000000002.json", b"{}")
    late = Lake.open(lake.folder, epoch=1)
    attempt = late.attempt("stage", 0, "f")
    attempt.write("t", table_of(1))
    with pytest.raises(LakeError, match="took over"):
        attempt.commit()
    assert data_files(lake) == set()
    with pytest.raises(LakeError, match="took over"):
        late.sweep()


def test_a_lake_keeps_its_number_of_buckets(tmp_path: Path) -> None:
    Lake.create(tmp_path / "lake", 4)
    assert Lake.create(tmp_path / "lake").buckets == 4
    with pytest.raises(LakeError, match="has 4 buckets, not 8"):
        Lake.create(tmp_path / "lake", 8)


@pytest.mark.parametrize("buckets", [0, 3, -4, 1 << 21])
def test_buckets_are_a_power_of_two(tmp_path: Path, buckets: int) -> None:
    with pytest.raises(LakeError, match="power of two"):
        Lake.create(tmp_path / "lake", buckets)


def test_a_folder_with_other_things_is_not_made_a_lake(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(LakeError, match="not empty and is no lake"):
        Lake.create(tmp_path)
    with pytest.raises(LakeError, match=r"lake\.json is missing"):
        Lake.open(tmp_path)


def test_a_damaged_or_foreign_lake_is_one_line(lake: Lake) -> None:
    replace(lake.folder / "lake.json", b"{")
    with pytest.raises(LakeError, match="cannot be read"):
        Lake.open(lake.folder)
    replace(lake.folder / "lake.json", b'{"format": 99, "hash": "splitmix64", "buckets": 4}')
    with pytest.raises(LakeError, match="format 99"):
        Lake.open(lake.folder)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
def test_doubling_the_buckets_splits_each_in_two(ids: list[int]) -> None:
    values = np.array(ids, np.int64)
    few, many = Lake(Path(), 8).bucket_of(values), Lake(Path(), 16).bucket_of(values)
    assert np.array_equal(many % 8, few)


def test_ids_spread_evenly_over_the_buckets() -> None:
    counts = np.bincount(Lake(Path(), 64).bucket_of(np.arange(64_000)), minlength=64)
    assert counts.min() > 850  # 1,000 expected, standard deviation 31
    assert counts.max() < 1150


def test_a_fingerprint_depends_on_every_part_and_not_on_their_order() -> None:
    assert fingerprint(a=1, b=[2, 3]) == fingerprint(b=[2, 3], a=1)
    assert len({fingerprint(a=1), fingerprint(a=2), fingerprint(b=1), fingerprint(a="1")}) == 4
