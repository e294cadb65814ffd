"""What can be wrong with an embedded store: one clear line, and readers keep what they had."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from profiling.errors import StoreError
from profiling.store import create_store, open_store
from profiling.store.addresses import ArrowAddress, CassandraAddress, parse_address
from profiling.store.arrow_store import ArrowStore
from tests.profiling.store.populations import answer, draw_profiles, expected, publish, write_generation

USERS = list(range(0, 4000, 7))


@pytest.fixture
def store(tmp_path: Path) -> ArrowStore:
    return ArrowStore.create(tmp_path / "store")


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_generation_and_nothing_half_done(store: ArrowStore) -> None:
    old, new = draw_profiles(USERS, 1), draw_profiles(USERS, 2)
    publish(store, "g1", old)
    with (
        full_disk(4096),
        pytest.raises(StoreError, match=r"cannot be written \(.*\); free space and run again") as caught,
    ):
        write_generation(store, "g2", new)
    assert "\n" not in str(caught.value)
    segments = store.folder / "segments"
    assert [path for path in segments.glob("*/*") if "00000002" in str(path)] == []
    oracle = expected(old)
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
    publish(store, "g2", new)
    oracle = expected(new)
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]


def test_a_full_disk_leaves_pointer_and_ledger(store: ArrowStore) -> None:
    publish(store, "g1", draw_profiles(USERS, 1))
    ready = store.finish(write_generation(store, "g2", draw_profiles(USERS, 2)))
    with full_disk(8):
        with pytest.raises(StoreError, match="cannot be written"):
            store.activate(ready, 1)
        with pytest.raises(StoreError, match="cannot be written"):
            store.forget([USERS[0]])
    assert store.snapshot().generation.id == "g1"
    assert store.forgotten().tolist() == []
    assert not [path for path in store.folder.rglob(".*") if path.is_file()]
    store.activate(ready, 1)
    store.forget([USERS[0]])
    assert store.snapshot().get(USERS[0]).reason == "forgotten"


def test_a_damaged_or_missing_file_is_named(store: ArrowStore) -> None:
    publish(store, "g1", draw_profiles(USERS, 1))
    path = store.bucket_path(1, 2)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError, match=r"000002\.arrow: is damaged; roll back"):
        open_store(store.name).snapshot()
    path.unlink()
    with pytest.raises(StoreError, match=r"000002\.arrow: is missing; roll back"):
        open_store(store.name).snapshot()


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is no profile store \(store.json is missing\)"):
        open_store(f"arrow://{tmp_path}/none")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(StoreError, match="is not empty and is no profile store"):
        create_store(f"arrow://{tmp_path}/other")
    made = ArrowStore.create(tmp_path / "newer")
    (made.folder / "store.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(StoreError, match="another version of Kith"):
        open_store(made.name)


def test_a_store_that_is_there_is_opened_not_made_again(store: ArrowStore) -> None:
    publish(store, "g1", draw_profiles(USERS, 1))
    assert create_store(store.name).snapshot().generation.id == "g1"


@pytest.mark.parametrize("uri", ["", "profiles", "redis://host/0", "arrow://", "/data/store", "arrow:/data"])
def test_a_wrong_uri_says_how_one_looks(uri: str) -> None:
    with pytest.raises(StoreError, match="is no profile store; write arrow://FOLDER or cassandra://") as caught:
        parse_address(uri)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "rest", ["host", "host/", "/keyspace", "host:a/kith", "host/Kith", "host/kith?x=1", "host/a-b", "host/" + "k" * 49]
)
def test_a_wrong_cassandra_uri_never_repeats_the_password(rest: str) -> None:
    with pytest.raises(StoreError, match="write cassandra://USER@HOST") as caught:
        parse_address(f"cassandra://me:swordfish@{rest}")
    assert "swordfish" not in str(caught.value)


def test_a_cassandra_uri_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    found = parse_address("cassandra://me:sword%40fish@one,two:9043/kith?datacenter=dc1&snapshots=accept")
    assert found == CassandraAddress(("one", "two"), 9043, "kith", "me", "sword@fish", "dc1", True)
    assert "sword" not in repr(found) + found.name  # type: ignore[union-attr]
    monkeypatch.setenv("KITH_CASSANDRA_PASSWORD", "swordfish")
    assert parse_address("cassandra://me@one/kith") == CassandraAddress(("one",), 9042, "kith", "me", "swordfish")
    assert parse_address("cassandra://me:other@one/kith", "third").password == "other"  # type: ignore[union-attr]  # noqa: S105
    assert parse_address("arrow://a/b") == ArrowAddress("a/b")
