"""After an erasure nobody finds a byte of the person in the store's files, and everybody else is as before."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from profiling.store import ProfileStore, open_store
from profiling.store.records import WRITING
from tests.cassandra_server import CassandraServer
from tests.profiling.store.populations import answer, draw_profiles, publish

USERS = list(range(1000, 1060))
GONE = [1001, 1002, 1030]
DIM = 16  # 32 bytes a vector: none comes about by chance
DEADLY = 5  # the file at which a child dies; the children before it have done 4 each
MOST_KILLS = 40
LATER = 120  # seconds


@pytest.fixture
def store(uri: str) -> Iterator[ProfileStore]:
    opened = open_store(uri)
    yield opened
    opened.close()


@pytest.fixture
def files(kind: str, uri: str, request: pytest.FixtureRequest) -> Callable[[], list[Path]]:
    """Lists the files that hold the store's rows."""
    if kind == "arrow":
        folder = Path(uri.removeprefix("arrow://"))
        return lambda: [path for path in folder.rglob("*") if path.is_file()]
    server: CassandraServer = request.getfixturevalue("cassandra")
    data = server.home / "data" / uri.rpartition("/")[2]
    return lambda: [path for path in data.rglob("*") if path.is_file()]


def fill(store: ProfileStore) -> list[bytes]:
    """A base, two deltas on it, and a generation that was rolled back; returns the vectors of who will be forgotten."""
    tables = [draw_profiles(USERS, 1, DIM)]
    last = publish(store, "g1", tables[0])
    for number, start in ((2, 0), (3, 20)):
        old = tables[-1]
        changed = draw_profiles(USERS[start : start + 20], number, DIM)
        tables.append(pa.concat_tables([old.slice(0, start), changed, old.slice(start + 20)]))
        last = publish(store, f"g{number}", tables[-1], last, old)
    publish(store, "g4", draw_profiles(USERS, 4, DIM), last, tables[-1])
    store.rollback()
    tables.append(draw_profiles(USERS, 4, DIM))
    return [
        row[name]
        for table in tables
        for row in table.to_pylist()
        for name in ("profile", "second_profile")
        if row["user_id"] in GONE and row[name]
    ]


def answers(store: ProfileStore) -> dict[int, object]:
    """What everybody else has in the active generation, the segment's number left out."""
    others = [user for user in USERS if user not in GONE]
    return dict(zip(others, map(answer, store.snapshot().get_many(others)), strict=True))


def found(paths: list[Path], vectors: list[bytes]) -> int:
    """How many of the vectors stand in one of the files."""
    contents = [path.read_bytes() for path in paths]
    return sum(any(vector in content for content in contents) for vector in vectors)


def assert_erased(store: ProfileStore, before: dict[int, object], back: dict[int, object]) -> None:
    assert answers(store) == before
    assert {found.reason for found in store.snapshot().get_many(GONE)} == {"forgotten"}
    store.rollback()
    assert answers(store) == back
    active = store.active()
    assert active is not None
    assert active.state == "ready"


def test_no_vector_of_the_person_stays_in_a_file(
    store: ProfileStore, files: Callable[[], list[Path]], kind: str, request: pytest.FixtureRequest
) -> None:
    vectors = fill(store)
    active = store.snapshot().generation
    before = answers(store)
    replaced = active.replaced
    assert replaced is not None
    others = list(before)
    back = dict(zip(others, map(answer, store.pin(store.find(replaced)).get_many(others)), strict=True))
    if kind == "cassandra":  # memory to files: what stands in no file cannot be looked for
        server = request.getfixturevalue("cassandra")
        server.stop()
        server.start()
        assert found(files(), vectors) == len(vectors)
    else:
        assert found(files(), vectors) == len(vectors), "the control: all of them are there before"
    store.forget(GONE)
    receipt = store.erase(GONE)
    assert receipt.rows > 0
    assert receipt.segments
    assert receipt.remains
    assert found(files(), vectors) == 0
    if kind == "cassandra":
        server.stop()
        everywhere = [path for path in server.home.rglob("*") if path.is_file()]
        assert found(everywhere, vectors) == 0, "after the log's segments were used up"
        server.start()
    assert_erased(store, before, back)


def test_twice_is_once(store: ProfileStore) -> None:
    fill(store)
    store.forget(GONE)
    store.erase(GONE)
    before, segments = answers(store), [each.segments for each in store.generations()]
    again = store.erase(GONE)
    assert (again.rows, again.segments, again.retired) == (0, (), ())
    assert answers(store) == before
    assert [each.segments for each in store.generations()] == segments


def test_a_delta_follows_an_erasure(store: ProfileStore) -> None:
    fill(store)
    store.forget(GONE)
    store.erase(GONE)
    old = draw_profiles(USERS, 9, DIM)
    active = store.active()
    publish(store, "g5", old, active, draw_profiles(USERS, 8, DIM))
    found_now = {user: each.reason for user, each in zip(USERS, store.snapshot().get_many(USERS), strict=True)}
    assert {found_now[user] for user in GONE} == {"forgotten"}
    wanted = {row["user_id"]: row["reason"] for row in old.to_pylist()}
    assert all(found_now[user] == wanted[user] for user in USERS if user not in GONE)


def erase_in_a_child(uri: str, deadly: int) -> subprocess.Popen[str]:
    module = "tests.profiling.store.eraser_child"
    command = [sys.executable, "-m", module, uri, str(deadly), *map(str, GONE)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arrow"], indirect=True)
def test_an_erasure_killed_at_any_file_goes_on(store: ProfileStore, uri: str, files: Callable[[], list[Path]]) -> None:
    vectors = fill(store)
    store.forget(GONE)
    before = answers(store)
    ends = []
    while 0 not in ends and len(ends) < MOST_KILLS:
        child = erase_in_a_child(uri, DEADLY)
        ends.append(child.wait(LATER))
        assert answers(store) == before, "whole at every moment"
    assert ends[-1] == 0
    assert set(ends[:-1]) == {-signal.SIGKILL}, "it was killed at least once"
    assert found(files(), vectors) == 0
    for each in store.generations():
        assert each.rows == store.count(each).rows


@pytest.mark.slow
@pytest.mark.cassandra
@pytest.mark.parametrize("kind", ["cassandra"], indirect=True)
def test_an_erasure_killed_while_it_copies_goes_on(
    store: ProfileStore, uri: str, files: Callable[[], list[Path]]
) -> None:
    many = [*USERS, *range(5000, 45_000)]
    table = draw_profiles(many, 1, DIM)
    publish(store, "g1", table)
    vectors = [row["profile"] for row in table.slice(0, len(USERS)).to_pylist() if row["user_id"] in GONE]
    store.forget(GONE)
    before = answers(store)
    child = erase_in_a_child(uri, 0)
    while store.generations()[-1].state != WRITING:
        time.sleep(0.02)
    time.sleep(0.5)
    child.kill()
    assert child.wait(LATER) == -signal.SIGKILL
    assert answers(store) == before
    store.erase(GONE)
    assert answers(store) == before
    assert found(files(), [vector for vector in vectors if vector]) == 0
    assert len(store.generations()) == 2, "the copy that was begun was taken up"
    counts = store.count(store.find(2))
    assert counts.users == len(many) - len(GONE)
    assert np.all([each.reason == "forgotten" for each in store.snapshot().get_many(GONE)])
