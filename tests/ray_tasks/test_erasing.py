"""After `kith forget --now` nothing that was drawn from a person's photos is in any file, and all else is as it was."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.errors import LakeError
from profiling.settings import StoreSettings
from profiling.store import create_store, open_store
from profiling.store.arrow_store import ArrowStore
from profiling.store.cache import pull
from ray_tasks.forgetting import erase_users, hide_users
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.hiding import read_raw
from ray_tasks.lake import Lake
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from ray_tasks.receipts import DAY_S, Waiting, waiting
from ray_tasks.shown import erase_reports, note_report
from tests.cassandra_server import CassandraServer, run_server
from tests.conftest import Built
from tests.ray_tasks.lake_eraser_child import HereSession
from tests.stores import CASSANDRA

pytestmark = pytest.mark.slow

MOST_KILLS = 60
SMALL = 1024  # bytes that a file may have on a full disk
DEADLY = 4  # the table at which a child dies; it has done three


@dataclass(frozen=True)
class Person:
    """Somebody with a profile: the ids of their photos and every vector that was drawn from them."""

    user: int
    photos: frozenset[int]
    vectors: frozenset[bytes]


def person_in(lake: Lake, user: int) -> Person:
    """What the files of a lake hold of a user, found row by row, without the code under test."""
    photos = {
        row["photo_id"]
        for path in (lake.folder / "data" / "partition").rglob("photos-*.parquet")
        for row in read_raw(path, ["photo_id", "owner_id"]).to_pylist()
        if row["owner_id"] == user
    }
    vectors: set[bytes] = set()
    for path in (lake.folder / "data").rglob("*.parquet"):
        if path.parts[-3].startswith("uploads-"):
            continue
        schema = pq.read_schema(path)
        wanted = [field.name for field in schema if pa.types.is_fixed_size_binary(field.type) and len_of(field) >= 16]
        for row in read_raw(path).to_pylist():
            if row.get("user_id", row.get("owner_id")) == user or row.get("photo_id") in photos:
                vectors |= {row[name] for name in wanted if row[name] is not None}
    return Person(user, frozenset(photos), frozenset(vectors))


def len_of(field: pa.Field) -> int:
    return int(field.type.byte_width)


def search(folders: list[Path], person: Person) -> dict[str, set[object]]:
    """Vectors and photo ids of a person in all files: tables unpacked, and every file byte by byte."""
    found: dict[str, set[object]] = {"vectors": set(), "photos": set()}
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        found["vectors"] |= {vector for vector in person.vectors if vector in content}
        if path.suffix == ".parquet":
            for name, column in zip(pq.read_schema(path).names, read_raw(path).columns, strict=True):
                if pa.types.is_fixed_size_binary(column.type):
                    found["vectors"] |= person.vectors & set(column.to_pylist())
                elif name == "photo_id" and not path.parts[-3].startswith("uploads-"):
                    found["photos"] |= person.photos & {int(value) for value in column.to_pylist()}
    return found


def tables(lake: Lake, hidden: bool) -> dict[str, list[dict[str, object]]]:
    """All tables of all manifests as rows; `hidden`: as readers see them, else as they lie there."""
    found = {}
    for path in sorted((lake.folder / "manifests").rglob("*.json")):
        about = json.loads(path.read_bytes())
        manifest = lake.find(about["stage"], about["bucket"], about["fingerprint"])
        assert manifest is not None
        for name, files in manifest.files.items():
            raw = [row for file in files for row in read_raw(lake.folder / file).to_pylist()]
            rows = lake.read(manifest, name).to_pylist() if hidden else raw
            found[f"{path} {name}"] = json.loads(json.dumps(rows, default=repr))
    return found


@pytest.fixture
def lake(built: Built, tmp_path: Path) -> Lake:
    return Lake.open(shutil.copytree(built.lake, tmp_path / "lake"))


def users_with_profiles(lake: Lake) -> list[int]:
    generation = find_generation(lake)
    rows = GenerationTables(lake, generation).table(generation.last_round, "profiles").to_pylist()
    return [row["user_id"] for row in rows if row["reason"] == "ok"]


def same(one: object, other: object) -> bool:
    return json.dumps(one) == json.dumps(other)  # NaN equals NaN


@dataclass
class Alone:
    """An empty store that no other test has written to; `log` is where its newest rows are in files."""

    uri: str
    home: Path
    log: Path
    server: CassandraServer | None = None

    def come_to_rest(self) -> None:
        """Have all of it on the disk: a Cassandra is ended in good order."""
        if self.server is not None:
            self.server.stop()
            self.server = None


@pytest.fixture(params=["arrow", CASSANDRA])
def alone(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Alone]:
    home = tmp_path_factory.mktemp("alone")
    if request.param == "arrow":
        found = Alone(f"arrow://{home}/store", home, home)
    else:
        monkeypatch.setenv("KITH_CASSANDRA_PASSWORD", "")  # what it was comes back at the end
        server = run_server(home)
        found = Alone(server.uri("alone"), home, home / "commitlog", server)
    create_store(found.uri, "datacenter1:1").close()
    yield found
    found.come_to_rest()


def profiles_of(lake: Lake, user: int) -> set[bytes]:
    """What a store is told of a user."""
    generation = find_generation(lake)
    rows = GenerationTables(lake, generation).table(generation.last_round, "profiles").to_pylist()
    (mine,) = (row for row in rows if row["user_id"] == user)
    return {mine[name] for name in ("profile", "second_profile") if mine[name] is not None}


def test_forget_now_leaves_nothing_and_changes_nobody_else(lake: Lake, tmp_path: Path, alone: Alone) -> None:
    uri = alone.uri
    user = users_with_profiles(lake)[0]
    person = person_in(lake, user)
    assert len(person.photos) > 2
    with RaySession(cpus=2) as session:
        publish(Order(lake, find_generation(lake), uri, approved=True), session, StoreSettings())
    cache = ArrowStore.create(tmp_path / "cache")
    with closing(open_store(uri)) as store:
        pull(store, cache, 0)
    assert kith("report", str(lake.folder), "--user", str(user)).returncode == 0
    all_of_them = {"vectors": set(person.vectors), "photos": set(person.photos)}
    assert search([lake.folder], person) == all_of_them, "the control: all is there"
    published: set[object] = set(profiles_of(lake, user))
    assert search([cache.folder], person)["vectors"] == published
    assert search([alone.log], person)["vectors"] == published
    assert b"data:image" in (lake.folder / "report.html").read_bytes()

    hide_users([user], lake, None)
    hidden = tables(Lake.open(lake.folder), hidden=True)
    done = kith("forget", str(user), "--now", "--lake", str(lake.folder), "--store", uri, "--yes", "--json", "--cpus=2")
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)["receipt"]
    with closing(open_store(uri)) as store:
        assert store.snapshot().get(user).reason == "forgotten"
        assert waiting(Lake.open(lake.folder), store.name).users == ()
        assert pull(store, cache, 0).forgotten == 1

    alone.come_to_rest()
    assert search([lake.folder, cache.folder, alone.home], person) == {"vectors": set(), "photos": set()}
    assert not (lake.folder / "report.html").exists()
    assert same(tables(Lake.open(lake.folder), hidden=False), hidden), "what lies there is what readers saw before"
    assert receipt["users"] == [user]
    assert receipt["hidden_at"][0] < receipt["erased_at"] <= time.time()
    assert str(lake.folder / "report.html") in receipt["reports"]  # beside those of the lake that this one is a copy of
    assert receipt["store"]["rows"] >= 1
    for words in ("snapshots", "backups", "kith cache pull"):
        assert any(words in line for line in receipt["remains"])
    assert {name.split("/")[1] for name in receipt["tables"]} >= {"photos", "faces", "seen", "clusters", "profiles"}


def test_a_killed_erasure_goes_on(lake: Lake) -> None:
    first, second = users_with_profiles(lake)[:2]
    people = [person_in(lake, user) for user in (first, second)]
    hide_users([first, second], lake, None)
    hidden = tables(Lake.open(lake.folder), hidden=True)
    ends: list[int] = []
    while 0 not in ends and len(ends) < MOST_KILLS:
        command = [sys.executable, "-m", "tests.ray_tasks.lake_eraser_child", str(lake.folder), str(DEADLY)]
        ends.append(subprocess.run(command, capture_output=True, check=False).returncode)
        assert same(tables(Lake.open(lake.folder), hidden=True), hidden), "readers saw no difference"
        assert (waiting(Lake.open(lake.folder), None).users == ()) == (ends[-1] == 0), "a receipt comes with the end"
    assert ends[-1] == 0
    assert set(ends[:-1]) == {-signal.SIGKILL}, "it was killed on the way"
    assert lake.notes("erasures")[-1]["users"] == sorted([first, second])
    for person in people:
        assert search([lake.folder], person) == {"vectors": set(), "photos": set()}


def test_a_full_disk_is_one_line_and_the_pass_goes_on_later(lake: Lake) -> None:
    user = users_with_profiles(lake)[0]
    person = person_in(lake, user)
    hide_users([user], lake, None)
    hidden = tables(Lake.open(lake.folder), hidden=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
    try:
        with pytest.raises(LakeError, match=r"cannot be written \(File too large\); free space and run again"):
            erase_users(lake, None, cast("RaySession", HereSession()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert same(tables(Lake.open(lake.folder), hidden=True), hidden)
    assert not list((lake.folder / "data").rglob(".*"))
    assert waiting(Lake.open(lake.folder), None).users == (user,)
    erase_users(lake, None, cast("RaySession", HereSession()))
    assert search([lake.folder], person) == {"vectors": set(), "photos": set()}


def test_quarantine_and_notes_lose_the_person(lake: Lake) -> None:
    generation, (user, other) = find_generation(lake), users_with_profiles(lake)[:2]
    photo = min(person_in(lake, user).photos)
    rows = [
        {"photo_id": str(photo), "user_id": "77", "reason": "a tag of their photo"},
        {"photo_id": "9", "user_id": f" {user} ", "reason": "a tag that names them"},
        {"photo_id": None, "user_id": str(other), "reason": "another's"},
        {"photo_id": "many", "user_id": None, "reason": "nobody's"},
    ]
    (lake.folder / "quarantine").mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), lake.folder / "quarantine" / "tags.parquet")
    path = lake.folder / "generations" / f"{generation.id}.json"
    note = json.loads(path.read_bytes())
    note["audit"]["hubs"]["worst"] = [{"user_id": each, "near": 12} for each in (user, other)]
    path.write_text(json.dumps(note))
    hide_users([user], lake, None)
    receipt = erase_users(lake, None, cast("RaySession", HereSession()))
    assert read_raw(lake.folder / "quarantine" / "tags.parquet").to_pylist() == rows[2:]
    hubs = find_generation(lake).audit["hubs"]["worst"]
    assert hubs == [{"user_id": other, "near": 12}]
    assert (receipt.tables["quarantine/tags"], receipt.tables["generations/hubs"]) == (2, 1)
    kept = {path.name.rpartition("-")[0] for path in (lake.folder / "rows").glob("*.npy")}
    assert kept == {"user-ids", "friend-offsets", "friend-rows"}


def test_reports_that_show_somebody_go_and_others_stay(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", 2)
    paths = [lake.folder / "report.html", tmp_path / "a.html", tmp_path / "b.html"]
    for path in paths:
        path.write_text("a report")
    for path, users in ((paths[1], [1, 2]), (paths[2], [3]), (paths[1], [4])):
        note_report(lake, path, users)
    assert erase_reports(lake, []) == []
    assert erase_reports(lake, [2]) == [str(paths[1]), str(paths[0])], "nobody noted whom report.html shows"
    assert [path.exists() for path in paths] == [False, False, True]
    assert erase_reports(lake, [2]) == []


def test_who_is_due() -> None:
    hidden = Waiting((1, 2), (10 * DAY_S, 12 * DAY_S))
    assert not hidden.due(7, now=15.9 * DAY_S)
    assert hidden.due(7, now=16 * DAY_S), "the next look would be at the deadline"
    assert not Waiting((), ()).due(7, now=1e12)


def test_due_waits_for_the_deadline(lake: Lake) -> None:
    user = users_with_profiles(lake)[0]
    hide_users([user], lake, None)
    place = ["--lake", str(lake.folder), "--json", "--cpus=2"]
    early = kith("forget", "--due", *place)
    assert (early.returncode, json.loads(early.stdout)["receipt"]) == (0, None)
    late = kith("forget", "--due", "--set", "forgetting.days=1", *place)
    assert json.loads(late.stdout)["receipt"]["users"] == [user], late.stderr
    assert waiting(Lake.open(lake.folder), None).users == ()
    assert np.array_equal(Lake.open(lake.folder).hiding.ledger.users, [user]), "hidden for good"


def kith(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ray_tasks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
