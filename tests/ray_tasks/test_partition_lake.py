"""What stage 0 leaves in the lake: quarantine, refusals that commit nothing, skipping, races, differences."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.errors import PopulationError
from profiling.settings import PartitionSettings
from profiling.tables import POPULATION
from ray_tasks.lake import Attempt, Lake
from ray_tasks.stages.partition import PartitionResult, partition

NO_ONE = np.zeros(0, np.int64)
SETTINGS = PartitionSettings()
USERS = {"user_id": [1, 2, 3, 4], "first_name": ["Ann", "Bo", "Cy", "Di"], "consent": [True, True, False, True]}
PHOTOS = {"photo_id": [10, 20, 30, 40], "owner_id": [1, 2, 3, 1], "uri": ["a", "b", "c", "d"]}
TAGS = {"photo_id": [10, 20, 40], "user_id": [2, 1, 4]}
FRIENDSHIPS = {"user_a": [1, 1, 2], "user_b": [2, 4, 3]}


def write(folder: Path, **tables: dict[str, Any] | None) -> str:
    """A small population with some tables replaced, or left out by None."""
    folder.mkdir(exist_ok=True)
    given = {"users": USERS, "photos": PHOTOS, "tags": TAGS, "friendships": FRIENDSHIPS} | tables
    for name, columns in given.items():
        if columns is not None:
            pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return str(folder)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", 4)


def read(lake: Lake, result: PartitionResult, table: str) -> list[dict[str, Any]]:
    return pa.concat_tables([lake.read(manifest, table) for manifest in result.manifests]).to_pylist()


def quarantine(lake: Lake, table: str) -> list[dict[str, Any]]:
    return pq.read_table(lake.folder / "quarantine" / f"{table}.parquet").to_pylist()


def data_files(lake: Lake) -> set[str]:
    return {path.name for path in (lake.folder / "data").rglob("*") if path.is_file()}


def test_broken_rows_go_to_quarantine_and_the_run_goes_on(tmp_path: Path, lake: Lake) -> None:
    photos = {"photo_id": [10, 20, None, 50], "owner_id": [1, 99, 1, 2], "uri": ["a", "b", "c", ""]}
    tags = {"photo_id": [10, 10, 10, 77, 50], "user_id": [2, 2, 98, 1, 1]}
    friendships = {"user_a": [1, 2, 1, 4], "user_b": [2, 1, 1, 97]}
    source = write(tmp_path / "p", photos=photos, tags=tags, friendships=friendships)
    result = partition(source, lake, SETTINGS, NO_ONE)
    found = {
        table: {(row["reason"], *list(row.values())[:2]) for row in quarantine(lake, table)} for table in POPULATION
    }
    assert found == {
        "users": set(),
        "photos": {("unknown_owner", "20", "99"), ("null_id", None, "1"), ("no_uri", "50", "2")},
        "tags": {
            ("repeated", "10", "2"),
            ("unknown_user", "10", "98"),
            ("unknown_photo", "77", "1"),
            ("unknown_photo", "50", "1"),
        },
        "friendships": {("repeated", "2", "1"), ("self_friendship", "1", "1"), ("unknown_user", "4", "97")},
    }
    assert [row["photo_id"] for row in read(lake, result, "photos")] == [10]
    assert result.counts["friendships"] == 1
    assert result.counts["reasons"]["photos.no_uri"] == 1


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ({"users": {"user_id": [1, 2, 1]}}, "users: user_id 1 stands there more than once; see README"),
        (
            {"photos": {"photo_id": [-5, -5], "owner_id": [1, 2], "uri": ["a", "b"]}},
            "photos: photo_id -5 stands there more than once; see README",
        ),
        ({"users": {"user_id": pa.array([None], pa.int64())}}, "users: nobody is left"),
        ({"users": {"user_id": ["1"]}}, "users.parquet: column 'user_id' is string, not int64"),
        ({"users": None}, "users.parquet is missing"),
    ],
)
def test_a_population_broken_as_a_whole_commits_nothing(
    tmp_path: Path, lake: Lake, tables: dict[str, Any], line: str
) -> None:
    with pytest.raises(PopulationError) as caught:
        partition(write(tmp_path / "p", **tables), lake, SETTINGS, NO_ONE)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any(lake.results("partition", bucket) for bucket in range(lake.buckets))
    assert not any((lake.folder / "scratch").glob("*"))
    assert not (lake.folder / "data").exists() or not data_files(lake)


def test_a_population_that_changes_while_it_is_read_commits_nothing(tmp_path: Path, lake: Lake) -> None:
    source = write(tmp_path / "p")

    def meddle(done: int, total: int) -> None:
        write(tmp_path / "p", tags={"photo_id": [10], "user_id": [1]})

    with pytest.raises(PopulationError, match="changed while it was read"):
        partition(source, lake, SETTINGS, NO_ONE, meddle)
    assert not data_files(lake)


@pytest.mark.parametrize("missing", [("tags",), ("friendships",), ("tags", "friendships")])
def test_a_population_without_tags_or_friendships_is_legal(
    tmp_path: Path, lake: Lake, missing: tuple[str, ...]
) -> None:
    result = partition(write(tmp_path / "p", **dict.fromkeys(missing)), lake, SETTINGS, NO_ONE)
    assert result.counts["photos"] == 3
    assert ("tags" in missing) == (result.counts["tags"] == 0)
    assert ("friendships" in missing) == (result.counts["friends"] == 0)


def test_users_without_photos_are_legal(tmp_path: Path, lake: Lake) -> None:
    photos = {
        "photo_id": pa.array([], pa.int64()),
        "owner_id": pa.array([], pa.int64()),
        "uri": pa.array([], pa.string()),
    }
    result = partition(write(tmp_path / "p", photos=photos, tags=None), lake, SETTINGS, NO_ONE)
    assert (result.counts["users"], result.counts["photos"]) == (4, 0)


def test_of_a_user_without_consent_only_the_id_is_kept(tmp_path: Path, lake: Lake) -> None:
    photos = PHOTOS | {"width": [1, 1, -1, 1], "uri": ["a", "b", "secret.jpg", "d"]}
    photos = {name: [*values, extra] for (name, values), extra in zip(photos.items(), [50, 3, "", 1], strict=True)}
    result = partition(write(tmp_path / "p", photos=photos), lake, SETTINGS, NO_ONE)
    (refused,) = [row for row in read(lake, result, "users") if not row["consent"]]
    assert {name for name, value in refused.items() if value is not None} == {"user_id", "row", "consent"}
    assert quarantine(lake, "photos") == []
    everything = [read(lake, result, table) for table in ("users", "photos", "tags", "friends")]
    assert "secret" not in str(everything)
    assert "Cy" not in str(everything)


def test_the_forgotten_leave_no_trace(tmp_path: Path, lake: Lake) -> None:
    source = write(
        tmp_path / "p",
        users=USERS | {"gender": ["?", "female", "male", "?"]},
        photos=PHOTOS | {"width": [-1, 1, 1, 1], "owner_id": [4, 4, 3, 1]},
        tags={"photo_id": [10, 10, 40, 40], "user_id": [1, 1, 4, 4], "x": [None, None, 0.5, 0.5]},
        friendships={"user_a": [1, 4, 4], "user_b": [4, 4, 2]},
    )
    result = partition(source, lake, SETTINGS, np.array([4]))
    assert [row["user_id"] for row in sorted(read(lake, result, "users"), key=lambda row: row["user_id"])] == [1, 2, 3]
    assert [row["photo_id"] for row in read(lake, result, "photos")] == [40]
    assert read(lake, result, "tags") == []
    assert read(lake, result, "friends") == []
    assert quarantine(lake, "tags") == []
    ids = {value for table in POPULATION for row in quarantine(lake, table) for value in row.values()}
    assert "4" not in ids
    assert "1" in ids


def test_a_photo_of_the_forgotten_repeats_no_id_of_another(tmp_path: Path, lake: Lake) -> None:
    photos = {"photo_id": [10, 10, 10], "owner_id": [4, 1, 4], "uri": ["a", "b", "c"]}
    tags = {"photo_id": [10], "user_id": [2]}
    result = partition(write(tmp_path / "p", photos=photos, tags=tags), lake, SETTINGS, np.array([4]))
    assert [row["uri"] for row in read(lake, result, "photos")] == ["b"]
    assert [row["owner_id"] for row in read(lake, result, "tags")] == [1]


def test_the_same_snapshot_is_not_partitioned_twice(tmp_path: Path, lake: Lake) -> None:
    source = write(tmp_path / "p")
    first = partition(source, lake, SETTINGS, NO_ONE)
    files = data_files(lake)
    again = partition(source, lake, SETTINGS, NO_ONE, lambda done, total: pytest.fail("work was done"))
    assert again == first
    assert data_files(lake) == files


@pytest.mark.parametrize("change", ["settings", "forgotten", "data", "year"])
def test_whatever_the_result_depends_on_makes_another_fingerprint(
    tmp_path: Path, lake: Lake, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "p")
    first = partition(source, lake, SETTINGS, NO_ONE)
    settings, forgotten = SETTINGS, NO_ONE
    if change == "settings":
        settings = PartitionSettings(friends_per_user=1)
    elif change == "forgotten":
        forgotten = np.array([2])
    elif change == "data":
        write(tmp_path / "p", tags={"photo_id": [10], "user_id": [1]})
    else:
        from ray_tasks.stages import partition as stage

        monkeypatch.setattr(stage, "open_population", lambda folder: stage_open(folder, 3000))
    assert partition(source, lake, settings, forgotten).fingerprint != first.fingerprint


def stage_open(folder: str, year: int) -> Any:
    from profiling.population import open_population

    return open_population(folder, year)


def test_a_run_that_was_killed_between_two_commits_is_completed(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, whole = write(tmp_path / "p"), Lake.create(tmp_path / "whole", 4)
    undisturbed = partition(source, whole, SETTINGS, NO_ONE)
    commit, done = Attempt.commit, []

    def die(attempt: Attempt, counts: Any) -> Any:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt
        return commit(attempt, counts)

    with monkeypatch.context() as patch:
        patch.setattr(Attempt, "commit", die)
        with pytest.raises(KeyboardInterrupt):
            partition(source, lake, SETTINGS, NO_ONE)
    result = partition(source, lake, SETTINGS, NO_ONE)
    assert result.counts == undisturbed.counts
    assert len(data_files(lake)) == sum(len(names) for m in result.manifests for names in m.files.values())
    for table in ("users", "photos", "tags", "friends"):
        assert read(lake, result, table) == read(whole, undisturbed, table)


def test_two_writers_leave_one_whole_result_and_no_stray_file(tmp_path: Path, lake: Lake) -> None:
    source = write(tmp_path / "p")
    results: list[PartitionResult] = []
    gate = threading.Barrier(2)

    def race() -> None:
        gate.wait()
        results.append(partition(source, Lake.open(lake.folder), SETTINGS, NO_ONE))

    writers = [threading.Thread(target=race) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert results[0] == results[1]
    named = {Path(name).name for m in results[0].manifests for names in m.files.values() for name in names}
    assert data_files(lake) == named
    assert not any((lake.folder / "scratch").glob("*"))


def test_the_next_snapshot_says_what_changed(tmp_path: Path, lake: Lake) -> None:
    first = partition(write(tmp_path / "p"), lake, SETTINGS, NO_ONE)
    assert first.counts["difference"] == {}
    users = {"user_id": [0, 1, 2, 3], "first_name": ["Zed", "Ann", "Bob", "Cy"], "consent": [True, True, True, False]}
    source = write(tmp_path / "p", users=users, tags={"photo_id": [10, 10], "user_id": [2, 1]})
    difference = partition(source, lake, SETTINGS, NO_ONE).counts["difference"]
    assert {name: count for name, count in difference.items() if count} == {
        "users_added": 1,
        "users_changed": 1,
        "users_gone": 1,
        "tags_added": 1,
        "tags_gone": 2,
        "friends_gone": 2,
    }
    assert (
        partition(source, lake, PartitionSettings(friends_per_user=9), NO_ONE).counts["difference"]["users_added"] == 0
    )


def test_progress_rises_to_its_total(tmp_path: Path, lake: Lake) -> None:
    seen: list[tuple[int, int]] = []
    partition(write(tmp_path / "p"), lake, SETTINGS, NO_ONE, lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] == 2 * (4 + 4 + 3 + 3)
