"""What can be wrong with a Cassandra store, and a server killed in the middle of a publish: against a real server."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from profiling.errors import StoreError
from profiling.store import create_store, open_store
from profiling.store.cassandra_store import CassandraStore
from tests.cassandra_server import CassandraServer
from tests.ports import free_ports
from tests.profiling.store.populations import answer, draw_profiles, expected, publish, write_generation
from tests.profiling.store.publisher_child import USERS
from tests.profiling.store.test_publisher_kills import (
    PATIENCE_S,
    assert_order,
    reads,
    run_publisher,
    start_publisher,
    start_reader,
    stop_reader,
)

pytestmark = [pytest.mark.cassandra, pytest.mark.slow]

ONE_ANSWER_S = 1.0  # seconds, of ten in earnest
WIDE = 16_384  # numbers of a vector: a log of 32 MB is full after a thousand
SMALL = 1 << 20  # bytes that a file may have on a full disk
MOST_WIDE = 30  # generations of 200 wide vectors each, 200 MB


def refused(uri: str, **create: str) -> str:
    """The line that opening, or making, a store ends with."""
    with pytest.raises(StoreError) as caught:
        create_store(uri, **create) if create else open_store(uri)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def follow(publisher: subprocess.Popen[str]) -> list[str]:
    """The steps that a publisher tells, as they come."""
    steps: list[str] = []

    def read() -> None:
        assert publisher.stdout is not None
        steps.extend(line.strip() for line in publisher.stdout)

    threading.Thread(target=read, daemon=True).start()
    return steps


def test_each_fault_is_one_clear_line(cassandra: CassandraServer) -> None:
    uri = cassandra.uri("nowhere")
    (port,) = free_ports(1)
    wrong = refused(uri.replace("cassandra@", "cassandra:swordfish@"))
    assert "user or password is refused; set KITH_CASSANDRA_PASSWORD" in wrong
    assert "swordfish" not in wrong
    assert "user or password is refused" in refused(uri.replace("cassandra@", ""))
    assert "cannot be reached; check host, port" in refused(uri.replace(str(cassandra.port), str(port)))
    assert "cannot be reached" in refused(uri.replace("127.0.0.1", "no-such-host.invalid"))
    assert "has no profile store in keyspace nowhere; make it with kith store create" in refused(uri)
    assert "write DATACENTER:COPIES" in refused(uri, replication="three")
    assert "a word of CQL itself" in refused(cassandra.uri("full"), replication="datacenter1:1")
    assert "knows no dc9, but datacenter1" in refused(uri, replication="dc9:3")


def test_rows_of_dropped_bases_are_not_there_any_more(cassandra: CassandraServer) -> None:
    uri = cassandra.uri("dropping")
    store = create_store(uri, "datacenter1:1")
    publish(store, "g1", draw_profiles(USERS[:20], 1))
    snapshot = store.snapshot()
    store._remove({1}, set())
    with pytest.raises(StoreError, match="take a new snapshot"):
        snapshot.get(USERS[0])
    assert not list((cassandra.home / "data").glob("dropping/base_1-*/*.db"))
    store.close()


@pytest.mark.parametrize(("kind_of_segment", "dies_too"), [("base", False), ("delta", True)])
def test_a_server_killed_in_the_middle_of_a_publish(
    cassandra: CassandraServer, tmp_path: Path, kind_of_segment: str, dies_too: bool
) -> None:
    uri = cassandra.uri(f"killed_{kind_of_segment}")
    store = create_store(uri, "datacenter1:1")
    publish(store, "g0", draw_profiles(USERS, 0))
    store.close()
    log = tmp_path / "reads"
    reader = start_reader(uri, log)
    publisher = start_publisher(uri, 1, kind_of_segment)
    steps = follow(publisher)
    while "bucket 0" not in steps:
        time.sleep(0.001)
    cassandra.kill()
    assert steps[-1].startswith("bucket"), "the server died in the middle"
    if dies_too:
        publisher.kill()
    cassandra.start()
    publisher.wait(PATIENCE_S)
    # A server that is killed may lose what it took in its last 100 ms, and the publisher then misses a bucket's mark.
    assert publisher.returncode in ([-signal.SIGKILL] if dies_too else [0, 1]), (
        "who waits for the server goes on with it"
    )
    run_publisher(uri, 1, kind_of_segment)
    stop_reader(reader, log)
    found = reads(log)
    assert_order([line for line in found if "error" not in line], ["g0", "g1"])
    errors = {str(line["error"]) for line in found if "error" in line}
    assert all("cannot be reached" in error or "did not answer" in error for error in errors), errors
    store = open_store(uri)
    oracle = expected(draw_profiles(USERS, 1))
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
    assert [each.state for each in store.generations()] == ["ready", "ready"], "the second publish took up the first"
    store.close()


def test_a_server_that_stands_still_is_waited_for(cassandra: CassandraServer) -> None:
    uri = cassandra.uri("still")
    store = create_store(uri, "datacenter1:1")
    assert isinstance(store, CassandraStore)
    first, second = draw_profiles(USERS, 1), draw_profiles(USERS, 2)
    publish(store, "g1", first)
    store.session.cluster.profile_manager.default.request_timeout = ONE_ANSWER_S
    with cassandra.paused(3 * ONE_ANSWER_S):
        publish(store, "g2", second, store.pin(store.find(1)).generation, first)
    oracle = expected(second)
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
    store.requests.patience_s = ONE_ANSWER_S
    with cassandra.paused(6 * ONE_ANSWER_S), pytest.raises(StoreError, match=r"did not answer|cannot be reached"):
        store.snapshot()
    store.close()


def test_a_servers_full_disk_is_one_line_and_nothing_half_done(cassandra: CassandraServer) -> None:
    uri = cassandra.uri("full_disk")
    store = create_store(uri, "datacenter1:1")
    assert isinstance(store, CassandraStore)
    publish(store, "g0", draw_profiles(USERS, 0))
    store.requests.patience_s = ONE_ANSWER_S
    wide = draw_profiles(USERS[:200], 1, WIDE)

    def fill_the_disk() -> None:
        for number in range(MOST_WIDE):
            write_generation(store, f"w{number}", wide)

    cassandra.limit_files(SMALL)
    with pytest.raises(StoreError, match=r"did not answer|cannot be reached") as caught:
        fill_the_disk()
    assert "\n" not in str(caught.value)
    store.close()
    cassandra.kill()
    cassandra.start()
    store = open_store(uri)
    oracle = expected(draw_profiles(USERS, 0))
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
    begun = [each.id for each in store.generations() if each.state == "writing"]
    done = publish(store, begun[-1], wide)
    assert done.number == store.generations()[-1].number, "it was taken up where it was left"
    assert [answer(each) for each in store.snapshot().get_many(USERS[:200])] == list(expected(wide).values())
    store.close()


def test_a_server_that_keeps_snapshots_is_refused_unless_accepted(cassandra: CassandraServer) -> None:
    uri = cassandra.uri("keeping")
    cassandra.stop()
    cassandra.start("--snapshots")
    try:
        assert "keeps snapshots of dropped tables" in refused(uri, replication="datacenter1:1")
        accepted = create_store(f"{uri}?snapshots=accept", "datacenter1:1")
        publish(accepted, "g1", draw_profiles(USERS[:20], 1))
        accepted.close()
        strict = open_store(uri)
        assert strict.snapshot().get(USERS[0]).reason != "unknown", "reading is no matter of snapshots"
        with pytest.raises(StoreError, match="keeps snapshots of dropped tables"):
            publish(strict, "g2", draw_profiles(USERS[:20], 2))
        strict.close()
    finally:
        cassandra.stop()
        cassandra.start()
