"""Stage 0 against plain loops, whatever the order of rows, the size of pieces and the number of buckets."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from profiling.settings import PartitionSettings
from profiling.tables import FRIENDS, PHOTOS, POPULATION, TAGS, USERS
from ray_tasks.lake import Lake, Manifest
from ray_tasks.stages.partition import PartitionResult, partition
from tests.ray_tasks.partition_oracle import Expected, Population, expect

PEOPLE = [-(2**63), -7, 0, 1, 2, 3, 44, 555, 6666, 2**63 - 1]
NOBODY = 99  # is no user
PHOTO_IDS = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 2**63 - 1])
ANYBODY = st.sampled_from([*PEOPLE, NOBODY])
USER_ROWS = st.lists(
    st.fixed_dictionaries(
        {"user_id": st.sampled_from(PEOPLE), "first_name": st.sampled_from(["Ольга", None]), "consent": st.booleans()}
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row["user_id"],
)
PHOTO_ROWS = st.lists(
    st.fixed_dictionaries({"photo_id": PHOTO_IDS, "owner_id": ANYBODY, "uri": st.sampled_from(["a.jpg", "写真.jpg"])}),
    max_size=7,
    unique_by=lambda row: row["photo_id"],
)
BOX = st.sampled_from([(None, None, None, None), (0.0, 0.0, 0.5, 0.5), (0.0, 0.25, 0.5, 0.5)])
TAG_ROWS = st.lists(
    st.builds(
        lambda photo, user, box, source: (
            {"photo_id": photo, "user_id": user} | dict(zip("xywh", box, strict=True)) | {"source": source}
        ),
        PHOTO_IDS,
        ANYBODY,
        BOX,
        st.sampled_from(["manual", "confirmed", "rejected"]),
    ),
    max_size=25,
)
FRIEND_ROWS = st.lists(
    st.tuples(ANYBODY, ANYBODY).filter(lambda pair: pair[0] != pair[1]).map(
        lambda pair: {"user_a": pair[0], "user_b": pair[1]}
    ),
    max_size=25,
)  # fmt: skip
POPULATIONS = st.fixed_dictionaries(
    {"users": USER_ROWS, "photos": PHOTO_ROWS, "tags": TAG_ROWS, "friendships": FRIEND_ROWS}
)
NO_ONE = np.zeros(0, np.int64)
FORGOTTEN = st.sets(st.sampled_from([1, 2, NOBODY]), max_size=2)


def write(folder: Path, population: Population, row_group: int = 1 << 20) -> str:
    folder.mkdir()
    for name, rows in population.items():
        columns = [column for column in POPULATION[name] if column.required or any(column.name in row for row in rows)]
        table = pa.Table.from_pylist(rows, pa.schema([(column.name, column.type) for column in columns]))
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=row_group)
    return str(folder)


def read(lake: Lake, result: PartitionResult, table: str) -> pa.Table:
    return pa.concat_tables([lake.read(manifest, table) for manifest in result.manifests])


def read_keys(lake: Lake, manifest: Manifest, table: str, names: tuple[str, ...]) -> list[tuple[int, ...]]:
    rows = lake.read(manifest, table, list(names)).select(list(names)).to_pylist()
    return [tuple(row.values()) for row in rows]


def check_users(lake: Lake, result: PartitionResult, expected: Expected) -> None:
    users = read(lake, result, "users")
    assert users.schema == USERS
    assert users["row"].to_pylist() == list(range(len(users)))
    kept = {row["user_id"]: (row["consent"], row["first_name"]) for row in users.to_pylist()}
    assert kept == {
        user: (row["consent"], row["first_name"] if row["consent"] else None) for user, row in expected.users.items()
    }


def check_albums(lake: Lake, result: PartitionResult, expected: Expected) -> None:
    photos = read(lake, result, "photos")
    assert photos.schema == PHOTOS
    assert len(photos) == len(expected.photos)
    rows = photos.select(["photo_id", "owner_id", "uri"]).to_pylist()
    assert {row["photo_id"]: row for row in rows} == expected.photos
    tags = read(lake, result, "tags")
    assert tags.schema == TAGS
    columns = sorted(TAGS.names)
    facts = Counter(tuple(row[name] for name in columns) for row in tags.to_pylist())
    assert facts == Counter(tuple(row[name] for name in columns) for row in expected.tags)


def check_friends(lake: Lake, result: PartitionResult, expected: Expected) -> None:
    friends = read(lake, result, "friends")
    assert friends.schema == FRIENDS
    ids = read(lake, result, "users")["user_id"].to_pylist()
    found = [(ids[row["row"]], ids[row["friend_row"]], row["tagged_together"]) for row in friends.to_pylist()]
    assert sorted(found) == sorted((*pair, together) for pair, together in expected.friends.items())


def check_order(lake: Lake, result: PartitionResult) -> None:
    """Every bucket holds its own users, and every table is sorted as tables.py says."""
    first = 0
    for bucket, manifest in enumerate(result.manifests):
        users = read_keys(lake, manifest, "users", ("user_id",))
        albums = [read_keys(lake, manifest, "photos", ("owner_id", "photo_id"))]
        albums.append(read_keys(lake, manifest, "tags", ("owner_id", "photo_id", "user_id")))
        friends = read_keys(lake, manifest, "friends", ("row", "friend_row"))
        for rows in (users, *albums, friends):
            assert rows == sorted(rows)
        for rows in (users, *albums):
            assert set(lake.bucket_of(np.array([row[0] for row in rows], np.int64)).tolist()) <= {bucket}
        assert (manifest.counts["first_row"], manifest.counts["users"]) == (first, len(users))
        assert all(first <= row < first + len(users) for row, _ in friends)
        first += len(users)


def compare(population: Population, forgotten: set[int], limit: int, buckets: int) -> None:
    """Partition a population and hold everything in the lake against the plain loops."""
    expected = expect(population, forgotten, limit)
    with tempfile.TemporaryDirectory() as name:
        lake = Lake.create(Path(name) / "lake", buckets)
        source = write(Path(name) / "population", population)
        ledger = np.array(sorted(forgotten), np.int64)
        result = partition(source, lake, PartitionSettings(friends_per_user=limit), ledger)
        check_users(lake, result, expected)
        check_albums(lake, result, expected)
        check_friends(lake, result, expected)
        check_order(lake, result)
    assert result.counts["reasons"] == dict(sorted((+expected.reasons).items()))
    sizes = [len(each) for each in (expected.users, expected.photos, expected.tags, expected.friends)]
    assert [result.counts[name] for name in ("users", "photos", "tags", "friends")] == sizes
    assert result.counts["friendships"] == expected.friendships


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(POPULATIONS, FORGOTTEN, st.integers(1, 3), st.sampled_from([1, 2, 4]))
def test_partition_does_what_plain_loops_do(
    population: Population, forgotten: set[int], limit: int, buckets: int
) -> None:
    assume({row["user_id"] for row in population["users"]} - forgotten)
    compare(population, forgotten, limit, buckets)


@pytest.mark.parametrize("seed", range(3))
def test_partition_does_what_plain_loops_do_in_a_close_circle(seed: int) -> None:
    """Few people, many tags and friendships: repeated rows, limits and forgotten owners meet."""
    draw = Random(seed)
    people = [draw.randrange(-(2**63), 2**63) for _ in range(14)]
    population: Population = {
        "users": [{"user_id": i, "first_name": "A", "consent": draw.random() < 0.9} for i in people[:-1]],
        "photos": [{"photo_id": i, "owner_id": draw.choice(people), "uri": "a.jpg"} for i in range(20)],
        "tags": [
            {"photo_id": draw.randrange(21), "user_id": draw.choice(people)}
            | dict.fromkeys("xywh", draw.choice([None, 0.5]))
            | {"source": draw.choice(["manual", "rejected"])}
            for _ in range(60)
        ],
        "friendships": [dict(zip(("user_a", "user_b"), draw.sample(people, 2), strict=True)) for _ in range(120)],
    }
    compare(population, set(people[:2]), limit=4, buckets=4)


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(POPULATIONS, st.randoms(use_true_random=False), st.integers(1, 9))
def test_order_of_rows_and_size_of_pieces_change_no_bit(population: Population, random: Random, piece: int) -> None:
    shuffled = {table: random.sample(rows, len(rows)) for table, rows in population.items()}
    with tempfile.TemporaryDirectory() as name:
        folder, limit = Path(name), PartitionSettings(friends_per_user=2)
        lakes = [Lake.create(folder / each, 2) for each in ("a", "b")]
        first = partition(write(folder / "p", population), lakes[0], limit, NO_ONE)
        second = partition(write(folder / "q", shuffled, piece), lakes[1], limit, NO_ONE, memory_bytes=1)
        assert first.counts == second.counts
        for one, other in zip(first.manifests, second.manifests, strict=True):
            assert one.counts == other.counts
            for table in one.files:
                assert lakes[0].read(one, table).equals(lakes[1].read(other, table))


@settings(deadline=None, max_examples=5)
@given(POPULATIONS)
def test_friends_are_mutual_where_nobody_has_too_many(population: Population) -> None:
    with tempfile.TemporaryDirectory() as name:
        lake = Lake.create(Path(name) / "lake", 4)
        result = partition(write(Path(name) / "p", population), lake, PartitionSettings(), NO_ONE)
        friends = read(lake, result, "friends")
    there = {(row["row"], row["friend_row"], row["tagged_together"]) for row in friends.to_pylist()}
    assert there == {(right, left, together) for left, right, together in there}
    assert len(friends) == 2 * result.counts["friendships"]
