"""Forgotten in the middle of a build, published, rolled back, published: never seen again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from profiling.settings import Settings, StoreSettings, load_settings
from profiling.store import create_store, open_store
from ray_tasks.build import build
from ray_tasks.forgetting import hide_users
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, find_generation
from ray_tasks.hiding import read_raw
from ray_tasks.lake import Lake
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from tests.conftest import Built

pytestmark = pytest.mark.slow


LATE = "cluster"  # the stage in the middle of which somebody is forgotten
PATIENCE_S = 300  # for a build up to there, on busy cores


@dataclass(frozen=True)
class Forgotten:
    """A lake while whose second build ran a user was forgotten, and a copy of it of before."""

    lake: Lake
    old: Lake
    before: Generation
    after: Generation
    user: int


@pytest.fixture(scope="module")
def session() -> Iterator[RaySession]:
    with RaySession(cpus=2) as session:
        yield session


@pytest.fixture(scope="module")
def forgotten(built: Built, session: RaySession, tmp_path_factory: pytest.TempPathFactory) -> Forgotten:
    folder = tmp_path_factory.mktemp("forget")
    old = Lake.open(shutil.copytree(built.lake, folder / "old"))
    lake = Lake.open(shutil.copytree(built.lake, folder / "lake"))
    before = find_generation(lake)
    user = next(int(str(row["user_id"])) for row in rows_of(lake, before) if row["reason"] == "ok")
    settings: Settings = load_settings(built.settings, {"clustering.eps": "0.07"})
    hider = threading.Thread(target=hide_when_clustered, args=(lake.folder, user, before))
    hider.start()
    after = build(built.population, lake, settings, session)
    hider.join(PATIENCE_S)
    return Forgotten(Lake.open(lake.folder), old, before, after, user)


def hide_when_clustered(folder: Path, user: int, before: Generation) -> None:
    """Forget a user as soon as a running build has clustered their album, from outside it."""
    lake = Lake.open(folder)
    bucket = int(lake.bucket_of(np.array([user]))[0])
    known, until = before.stages[LATE][bucket], time.monotonic() + PATIENCE_S
    while all(each.fingerprint == known for each in lake.results(LATE, bucket)) and time.monotonic() < until:
        time.sleep(0.002)
    hide_users([user], lake, None)


def rows_of(lake: Lake, generation: Generation) -> list[dict[str, object]]:
    return list(GenerationTables(lake, generation).table(generation.last_round, "profiles").to_pylist())


def test_the_running_build_commits_nothing_of_the_person(forgotten: Forgotten) -> None:
    lake, bucket = forgotten.lake, int(forgotten.lake.bucket_of(np.array([forgotten.user]))[0])
    early = forgotten.after.manifest(lake, "cluster", bucket)
    raw = read_raw(lake.folder / early.files["clusters"][0], ["user_id"])["user_id"].to_pylist()
    assert forgotten.user in raw, "the control: what was committed before holds the person"
    for number in range(len(forgotten.after.rounds)):
        found = forgotten.after.manifest(lake, f"score-{number}", bucket)
        profiles = read_raw(lake.folder / found.files["profiles"][0]).to_pylist()
        mine = next(row for row in profiles if row["user_id"] == forgotten.user)
        assert (mine["reason"], mine["profile"], mine["leader"]) == ("no_consent", None, -1)
        scores = read_raw(lake.folder / found.files["scores"][0])["user_id"].to_pylist()
        assert forgotten.user not in scores
    reasons = {row["user_id"]: row["reason"] for row in rows_of(lake, forgotten.after)}
    assert list(reasons.values()).count("ok") > 0


def test_publish_roll_back_publish_never_brings_the_person_back(
    forgotten: Forgotten, session: RaySession, uri: str
) -> None:
    def answer() -> tuple[str, str]:
        with closing(open_store(uri)) as store:
            snapshot = store.snapshot()
            return snapshot.generation.id, snapshot.get(forgotten.user).reason

    publish(Order(forgotten.old, forgotten.before, uri, approved=True), session, StoreSettings())
    assert answer() == (forgotten.before.id, "ok"), "the control: the store was not told"
    for generation in (forgotten.after, forgotten.before, forgotten.after):
        publish(Order(forgotten.lake, generation, uri, approved=True), session, StoreSettings())
        assert answer() == (generation.id, "forgotten")
    with closing(open_store(uri)) as store:
        back = store.rollback()
    assert answer() == (back.id, "forgotten")
    again = publish(Order(forgotten.lake, forgotten.before, uri, approved=True, base=True), session, StoreSettings())
    assert again.generation.users == len(rows_of(forgotten.lake, forgotten.before)) - 1
    assert answer() == (forgotten.before.id, "forgotten")


def kith(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ray_tasks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, input=stdin)


def test_the_command_asks_and_writes_both_ledgers(built: Built, tmp_path: Path) -> None:
    lake, uri = Lake.create(tmp_path / "lake", 4), f"arrow://{tmp_path / 'store'}"
    create_store(uri).close()
    more = tmp_path / "more.txt"
    more.write_text("12\n\n13\n")
    places = ["--lake", str(lake.folder), "--store", uri]
    refused = kith("forget", "11", "--file", str(more), *places, stdin="n\n")
    assert (refused.returncode, lake.hiding.ledger.version) == (1, 0)
    done = kith("forget", "11", "--file", str(more), *places, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["users"] == [11, 12, 13]
    assert Lake.open(lake.folder).hiding.ledger.users.tolist() == [11, 12, 13]
    with closing(open_store(uri)) as store:
        assert store.forgotten().tolist() == [11, 12, 13]
    for arguments, words in (
        (["--yes", *places], "nobody is named"),
        (["1", "--yes"], "--lake and --store are missing"),
        (["--file", str(tmp_path / "no.txt"), "--yes", *places], "cannot be read"),
    ):
        failed = kith("forget", *arguments)
        assert (failed.returncode, failed.stderr.count("\n")) == (2, 1), failed.stderr
        assert words in failed.stderr
