"""What goes wrong between a command and its store is one line that says what to do, and nothing is half done."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from profiling.store import create_store, open_store
from profiling.store.arrow_store import ArrowStore
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from tests.cassandra_server import CassandraServer
from tests.conftest import Built
from tests.ports import free_ports
from tests.profiling.store.populations import answer, draw_profiles, expected, publish

pytestmark = pytest.mark.slow

USERS = list(range(0, 4000, 7))
SMALL = 4096  # bytes that a file may have on a full disk
TAKEN_UP = 60.0  # seconds that a test of a store out of reach may take


def kith(*arguments: str, file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command, where told with files that may not grow beyond some bytes."""

    def limit() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    command = [sys.executable, "-m", "ray_tasks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit, timeout=TAKEN_UP)


def assert_one_line(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("kith: ")
    assert words in done.stderr


@pytest.mark.cassandra
def test_password_host_and_keyspace(cassandra: CassandraServer, built: Built, tmp_path: Path) -> None:
    uri = cassandra.uri("nowhere")
    (port,) = free_ports(1)
    wrong = kith("profiles", "get", "1", "--store", uri.replace("cassandra@", "cassandra:swordfish@"))
    assert_one_line(wrong, "user or password is refused; set KITH_CASSANDRA_PASSWORD")
    assert "swordfish" not in wrong.stderr
    cache = tmp_path / "cache"
    away = kith("cache", "pull", "--cache", str(cache), "--store", uri.replace(str(cassandra.port), str(port)))
    assert_one_line(away, "cannot be reached; check host, port")
    assert not cache.exists()
    missing = kith("publish", str(built.lake), "--store", uri, "--approve")
    assert_one_line(missing, "has no profile store in keyspace nowhere; make it with kith store create")
    assert_one_line(kith("forget", "1", "--yes", "--now", "--store", uri), "has no profile store in keyspace nowhere")


def test_a_store_of_another_model(built: Built, tmp_path: Path) -> None:
    lake = Lake.open(built.lake)
    users = (
        GenerationTables(lake, find_generation(lake)).table("partition", "users", ["user_id"])["user_id"].to_pylist()
    )
    uri = f"arrow://{tmp_path / 'store'}"
    with closing(create_store(uri)) as store:
        publish(store, "g1", draw_profiles(users, 1))
    photo = next(path for path in built.population.rglob("*.jpg"))
    asked = ["recognize", str(photo), "--user", str(users[0]), "--store", uri, "--friends", str(lake.folder)]
    assert_one_line(kith(*asked), "holds no generation of the network that arrow://")


def test_a_full_disk_while_a_cache_is_pulled(tmp_path: Path) -> None:
    uri, cache = f"arrow://{tmp_path / 'store'}", tmp_path / "cache"
    old, new = draw_profiles(USERS, 1), draw_profiles(USERS, 2)
    pull = ["cache", "pull", "--cache", str(cache), "--store", uri]
    with closing(create_store(uri)) as store:
        publish(store, "g1", old)
        assert kith(*pull).returncode == 0
        publish(store, "g2", new)
    assert_one_line(kith(*pull, file_bytes=SMALL), "cannot be written (File too large); free space and run again")
    oracle = expected(old)
    with closing(open_store(f"arrow://{cache}")) as reader:
        assert [answer(each) for each in reader.snapshot().get_many(USERS)] == [oracle[user] for user in USERS]
    assert not list((cache / "segments").rglob(".pulled"))
    assert kith(*pull).returncode == 0
    oracle = expected(new)
    found = ArrowStore(cache).snapshot().get_many(USERS)
    assert [answer(each) for each in found] == [oracle[user] for user in USERS]
