"""A host's cache answers as its source does, bit for bit; a delta travels alone; what the source erased is erased."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from profiling.errors import StoreError
from profiling.store import ProfileStore, create_store, open_store
from profiling.store.arrow_store import ArrowStore
from profiling.store.cache import pull
from tests.profiling.store.populations import answer, draw_profiles, in_bucket, publish, write_generation

USERS = list(range(1000, 1200))
DIM = 16
MOST_KILLS = 20


@pytest.fixture
def source(uri: str) -> Iterator[ProfileStore]:
    opened = open_store(uri)
    yield opened
    opened.close()


@pytest.fixture
def cache(tmp_path: Path) -> ArrowStore:
    return ArrowStore.create(tmp_path / "cache")


def assert_equal(cache: ArrowStore, source: ProfileStore) -> None:
    asked = [*USERS, 5, -7, 2**62]
    reader = ArrowStore(cache.folder)
    assert reader.snapshot().generation.id == source.snapshot().generation.id
    assert [answer(each) for each in reader.snapshot().get_many(asked)] == [
        answer(each) for each in source.snapshot().get_many(asked)
    ]


def files(cache: ArrowStore) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (cache.folder / "segments").rglob("*.arrow")}


def test_a_base_then_its_deltas_alone(source: ProfileStore, cache: ArrowStore) -> None:
    old = draw_profiles(USERS, 1, DIM)
    first = publish(source, "g1", old)
    done = pull(source, cache, 0)
    assert (done.fetched, done.dropped) == ((first.number,), ())
    assert_equal(cache, source)
    before = files(cache)
    new = pa.concat_tables([draw_profiles(USERS[:7], 2, DIM), old.slice(7, len(old) - 9)])
    second = publish(source, "g2", new, first, old)
    done = pull(source, cache, 0)
    assert (done.fetched, done.rows) == ((second.number,), source.find(second.number).rows)
    assert done.rows < 20, "only what changed"
    assert before.items() <= files(cache).items(), "the base was not touched"
    assert_equal(cache, source)
    assert pull(source, cache, 0).fetched == (), "twice is once"
    source.rollback()
    assert pull(source, cache, 0).dropped == (second.number,)
    assert_equal(cache, source)


def test_the_forgotten_are_hidden_and_then_erased(source: ProfileStore, cache: ArrowStore) -> None:
    gone = [1003, 1050]
    table = draw_profiles(USERS, 1, DIM)
    publish(source, "g1", table)
    pull(source, cache, 0)
    vectors = [
        row[name]
        for row in table.to_pylist()
        for name in ("profile", "second_profile")
        if row["user_id"] in gone and row[name]
    ]

    def found() -> int:
        contents = [path.read_bytes() for path in cache.folder.rglob("*") if path.is_file()]
        return sum(any(vector in content for content in contents) for vector in vectors)

    assert found() == len(vectors) > 0
    source.forget(gone)
    assert pull(source, cache, 0).forgotten == 2
    assert {each.reason for each in ArrowStore(cache.folder).snapshot().get_many(gone)} == {"forgotten"}
    source.erase(gone)
    pull(source, cache, 0)
    assert found() == 0
    assert_equal(cache, source)


@pytest.mark.slow
def test_a_pull_killed_at_any_file_goes_on(source: ProfileStore, uri: str, tmp_path: Path) -> None:
    publish(source, "g1", draw_profiles(USERS, 1, DIM))
    folder = tmp_path / "cache"
    ends: list[int] = []
    while 0 not in ends and len(ends) < MOST_KILLS:
        command = [sys.executable, "-m", "tests.profiling.store.puller_child", uri, str(folder), "3"]
        ends.append(subprocess.run(command, check=False, capture_output=True).returncode)
        assert ends[-1] == 0 or ArrowStore(folder).head().active is None, "nothing half-done is served"
    assert ends[-1] == 0
    assert set(ends[:-1]) == {-signal.SIGKILL}
    assert_equal(ArrowStore(folder), source)


def test_the_command_says_what_came(uri: str, source: ProfileStore, tmp_path: Path) -> None:
    publish(source, "g1", draw_profiles(USERS, 1, DIM))
    command = [sys.executable, "-m", "ray_tasks", "cache", "pull", "--store", uri, "--cache", str(tmp_path / "c")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["generation"], told["fetched"]) == ("g1", [1])
    assert_equal(ArrowStore(tmp_path / "c"), source)


def test_what_is_no_cache_of_it_is_refused(
    source: ProfileStore, cache: ArrowStore, fresh_store: Callable[[], str], tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="holds no active generation"):
        pull(source, cache, 0)
    table = draw_profiles(USERS, 1, DIM)
    publish(source, "g1", table)
    pull(source, cache, 0)
    other = open_store(fresh_store())
    publish(other, "g1", table)
    with pytest.raises(StoreError, match="is a cache of"):
        pull(other, cache, 0)
    other.close()
    own = create_store(f"arrow://{tmp_path / 'own'}")
    assert isinstance(own, ArrowStore)
    publish(own, "g1", table)
    with pytest.raises(StoreError, match="a store of its own"):
        pull(source, own, 0)


def test_what_a_segment_holds_is_read_back_whole(source: ProfileStore) -> None:
    old = draw_profiles(USERS, 1, DIM)
    first = publish(source, "g1", old)
    new = pa.concat_tables([draw_profiles(USERS[:50], 2, DIM), old.slice(50)])
    second = write_generation(source, "g2", new, first, old)
    for record, table in ((first, old), (second, in_bucket(new, 0, 1).slice(0, 50))):
        ids = [user for piece in source.read(record) for user in piece["user_id"].to_pylist()]
        assert set(ids) == set(table["user_id"].to_pylist())
