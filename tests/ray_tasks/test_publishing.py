"""Generations of a built lake in a profile store, bit for bit, by the command line and by Ray."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pytest

from profiling.errors import StoreConflictError, StoreError
from profiling.settings import StoreSettings, load_settings
from profiling.store import ProfileStore, open_store
from ray_tasks.build import build
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, find_generation, generations
from ray_tasks.lake import Lake
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from tests.conftest import Built
from tests.profiling.store.populations import Oracle, answer, expected

pytestmark = pytest.mark.slow
PATIENCE_S = 240  # for a publish on busy cores, Ray's start included


@pytest.fixture(scope="module")
def two(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with two generations, the second with a larger margin: some users lose their profile, some keep it."""
    folder = shutil.copytree(built.lake, tmp_path_factory.mktemp("two") / "lake")
    opened = Lake.open(folder)
    rows = [row for row in profiles(opened, find_generation(opened)).to_pylist() if row["reason"] == "ok"]
    margin = median(row["margin"] for row in rows)
    settings = load_settings(built.settings, {"scoring.margin": str(margin)})
    with RaySession(cpus=2) as session:
        build(built.population, opened, settings, session)
    first, second = (oracle(opened, each) for each in generations(opened))
    assert any(first[user] != second[user] for user in first), "the two generations are one"
    assert any(row[0] == "ok" for row in second.values()), "nobody has a profile any more"
    return opened


@pytest.fixture
def lake(two: Lake, tmp_path: Path) -> Lake:
    """The test's own copy: what a store has forgotten, a publish writes into its lake's ledger."""
    return Lake.open(shutil.copytree(two.folder, tmp_path / "lake"))


@pytest.fixture(scope="module")
def session() -> Any:
    with RaySession(cpus=2) as session:
        yield session


def oracle(lake: Lake, generation: Generation) -> Oracle:
    return expected(profiles(lake, generation))


def profiles(lake: Lake, generation: Generation) -> pa.Table:
    return GenerationTables(lake, generation).table(generation.last_round, "profiles")


def assert_serves(uri: str, lake: Lake, generation: Generation, but: dict[int, str] | None = None) -> None:
    wanted = oracle(lake, generation)
    with closing(open_store(uri)) as store:
        snapshot = store.snapshot()
        answers = snapshot.get_many(list(wanted))
    assert snapshot.generation.id == generation.id
    for user, found in zip(wanted, answers, strict=True):
        assert answer(found) == (wanted[user] if not but or user not in but else (but[user],))


def ask(uri: str, question: Callable[[ProfileStore], Any]) -> Any:
    with closing(open_store(uri)) as store:
        return question(store)


def send(lake: Lake, generation: Generation, uri: str, session: RaySession, **changes: Any) -> Any:
    return publish(Order(lake, generation, uri, approved=True, **changes), session, StoreSettings())


def test_a_published_generation_is_the_lakes_bit_for_bit(lake: Lake, session: RaySession, uri: str) -> None:
    first = generations(lake)[0]
    done = send(lake, first, uri, session)
    assert done.written
    assert done.generation.kind == "base"
    assert done.checked == done.generation.users == len(oracle(lake, first))
    assert_serves(uri, lake, first)


def test_publish_roll_back_delta_and_forget(lake: Lake, session: RaySession, uri: str) -> None:
    first, second = generations(lake)
    changed = [user for user, row in oracle(lake, first).items() if oracle(lake, second)[user] != row]
    send(lake, first, uri, session)
    done = send(lake, second, uri, session)
    assert (done.generation.kind, done.generation.users) == ("delta", len(changed))
    assert_serves(uri, lake, second)
    ask(uri, lambda store: store.rollback())
    assert_serves(uri, lake, first)
    again = send(lake, second, uri, session)
    assert not again.written
    assert_serves(uri, lake, second)
    ask(uri, lambda store: store.forget([changed[0]]))
    assert_serves(uri, lake, second, {changed[0]: "forgotten"})
    ask(uri, lambda store: store.rollback())
    assert_serves(uri, lake, first, {changed[0]: "forgotten"})
    third = send(lake, second, uri, session, base=True)
    assert (third.generation.kind, third.generation.users) == ("base", len(oracle(lake, second)) - 1)
    assert_serves(uri, lake, second, {changed[0]: "forgotten"})


def test_after_so_many_deltas_comes_a_base(lake: Lake, session: RaySession, uri: str) -> None:
    first, second = generations(lake)
    settings = StoreSettings(deltas=0)
    publish(Order(lake, first, uri, approved=True), session, settings)
    assert publish(Order(lake, second, uri, approved=True), session, settings).generation.kind == "base"


def test_failed_gates_need_an_approval(lake: Lake, session: RaySession, uri: str) -> None:
    first, second = generations(lake)
    gates = [{"name": "hubs", "passed": False}, {"name": "coverage", "passed": True}]
    failed = replace(first, audit={"gates": gates})
    with pytest.raises(StoreError, match="failed its gates hubs; look at kith audit"):
        publish(Order(lake, failed, uri), session, StoreSettings())
    assert ask(uri, lambda store: store.generations()) == []
    send(lake, first, uri, session)
    with pytest.raises(StoreConflictError, match=f"generation {first.id} is active, not g0"):
        send(lake, second, uri, session, against="g0")
    assert send(lake, second, uri, session, against=first.id).generation.id == second.id


def test_a_store_that_returns_other_vectors_is_not_activated(
    lake: Lake, session: RaySession, uri: str, spoil: Callable[[str, int], None]
) -> None:
    first, second = generations(lake)
    send(lake, first, uri, session)
    send(lake, second, uri, session, base=True)
    ask(uri, lambda store: store.rollback())
    spoil(uri, 2)
    with pytest.raises(StoreError, match="read back are not as written"):
        send(lake, second, uri, session)
    assert_serves(uri, lake, first)
    assert send(lake, second, uri, session).written
    assert_serves(uri, lake, second)


def kith(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ray_tasks", *arguments], capture_output=True, text=True, check=False)


def test_a_publish_killed_in_the_middle_is_taken_up_again(lake: Lake, tmp_path: Path) -> None:
    uri = f"arrow://{tmp_path / 'killed'}"
    first = generations(lake)[0]
    command = ["publish", str(lake.folder), "--store", uri, "--generation", first.id, "--approve", "--cpus", "1"]
    process = subprocess.Popen([sys.executable, "-m", "ray_tasks", *command], stderr=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE_S
    while not list((tmp_path / "killed").glob("segments/*/[0-9]*.arrow")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert kith("profiles", "get", "1", "--store", uri).returncode == 2, "nothing is active yet"
    done = kith(*command)
    assert done.returncode == 0, done.stderr
    assert_serves(uri, lake, first)
    assert len(ask(uri, lambda store: store.generations())) == 1


def test_the_commands(lake: Lake, tmp_path: Path) -> None:
    uri = f"arrow://{tmp_path / 'made'}"
    first, second = generations(lake)
    found = kith("profiles", "get", "1", "--store", uri)
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)
    assert "is no profile store" in found.stderr
    for each in (first, second):
        done = kith(
            "publish", str(lake.folder), "--store", uri, "--generation", each.id, "--approve", "--cpus", "2", "--json"
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["generation"] == each.id
    rows = oracle(lake, second)
    resolved = next(user for user, row in rows.items() if row[0] == "ok")
    unresolved = next(user for user, row in rows.items() if row[0] != "ok")
    found = kith("profiles", "get", str(resolved), "--store", uri)
    assert found.returncode == 0
    assert f"user {resolved}: " in found.stdout
    found = kith("profiles", "get", str(resolved), str(unresolved), "987654321", "--store", uri, "--json")
    assert found.returncode == 1
    reasons = [row["reason"] for row in json.loads(found.stdout)["profiles"]]
    assert reasons == ["ok", rows[unresolved][0], "unknown"]
    listed = json.loads(kith("generations", "--store", uri, "--json").stdout)
    assert [(row["id"], row["kind"], row["active"]) for row in listed] == [
        (first.id, "base", False),
        (second.id, "delta", True),
    ]
    assert json.loads(kith("rollback", "--store", uri, "--json").stdout)["generation"] == first.id
    again = kith("rollback", "--store", uri)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert find_generation(lake).id == second.id
