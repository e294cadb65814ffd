"""What can be wrong with a Cassandra store, and a server killed in the middle of a publish: against a real server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from profiling.errors import StoreError
from profiling.store import create_store, open_store
from tests.cassandra_server import CassandraServer, free_ports
from tests.profiling.store.populations import answer, draw_profiles, expected, publish
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


def refused(uri: str, **create: str) -> str:
    """The line that opening, or making, a store ends with."""
    with pytest.raises(StoreError) as caught:
        create_store(uri, **create) if create else open_store(uri)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


def test_a_server_killed_in_the_middle_of_a_publish(cassandra: CassandraServer, tmp_path: Path) -> None:
    uri = cassandra.uri("killed")
    store = create_store(uri, "datacenter1:1")
    publish(store, "g0", draw_profiles(USERS, 0))
    store.close()
    log = tmp_path / "reads"
    reader = start_reader(uri, log)
    publisher: subprocess.Popen[str] = start_publisher(uri, 1, "base")
    assert publisher.stdout is not None
    next(line for line in publisher.stdout if line.strip() == "bucket 0")
    cassandra.kill()
    cassandra.start()
    publisher.communicate(timeout=PATIENCE_S)
    run_publisher(uri, 1, "base")
    stop_reader(reader, log)
    found = reads(log)
    assert_order([line for line in found if "error" not in line], ["g0", "g1"])
    assert all(
        "cannot be reached" in str(line["error"]) or "did not answer" in str(line["error"])
        for line in found
        if "error" in line
    )
    store = open_store(uri)
    oracle = expected(draw_profiles(USERS, 1))
    assert [answer(each) for each in store.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
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
