"""What pages show of a lake: every user once, nobody who must not be seen, and a pointer that goes back once."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from profiling.errors import LakeError, StoreConflictError, StoreError
from profiling.settings import load_settings
from profiling.store import create_store
from ray_tasks.build import build_until
from ray_tasks.explaining import Explainer
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, file_generation, find_generation
from ray_tasks.lake import Lake
from ray_tasks.ledger import add_to_ledger
from ray_tasks.ray_session import RaySession
from ray_tasks.showing.overview import KEPT, STORED, list_generations, report_of, roll_back, view_store
from ray_tasks.showing.people import LISTED, Place, list_users, tell_story
from ray_tasks.showing.visible import Visible
from ray_tasks.stops import Stop
from tests.conftest import Built
from tests.profiling.store.populations import draw_profiles, publish

pytestmark = pytest.mark.slow  # the built population


@pytest.fixture
def lake(built: Built, tmp_path: Path) -> Lake:
    """A copy of the built lake that a test may change."""
    shutil.copytree(built.lake, tmp_path / "lake")
    return Lake.open(tmp_path / "lake")


def listed(lake: Lake, generation: Generation, reason: str, limit: int) -> list[int]:
    found: list[int] = []
    place: Place | None = Place()
    while place is not None:
        page = list_users(lake, generation, reason, place, limit)
        assert len(page.users) <= limit
        found += [user.user_id for user in page.users]
        place = page.after
    return found


def profiles(lake: Lake, generation: Generation) -> pa.Table:
    return GenerationTables(lake, generation).table(generation.last_round, "profiles", ["user_id", "reason"])


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_hold_every_user_of_a_reason_once(lake: Lake, limit: int) -> None:
    generation = find_generation(lake)
    rows = profiles(lake, generation).to_pylist()
    for reason in LISTED:
        wanted = sorted(row["user_id"] for row in rows if row["reason"] == reason)
        found = listed(lake, generation, reason, limit)
        assert sorted(found) == wanted
    assert listed(lake, generation, "ok", limit)


def test_nobody_lists_those_who_did_not_consent(lake: Lake) -> None:
    with pytest.raises(LakeError, match="there are ok, no_photos"):
        list_users(lake, find_generation(lake), "no_consent")
    with pytest.raises(LakeError, match="begin with the first page"):
        list_users(lake, find_generation(lake), "ok", Place(99))


def test_who_withdraws_consent_is_shown_in_no_older_generation(lake: Lake, built: Built, tmp_path: Path) -> None:
    old = find_generation(lake)
    stays, leaves, *_ = listed(lake, old, "ok", 50)
    population = tmp_path / "population"
    shutil.copytree(built.population, population)
    users = pq.read_table(population / "users.parquet")
    consent = pc.if_else(pc.equal(users["user_id"], leaves), False, users["consent"])
    place = users.schema.get_field_index("consent")
    pq.write_table(users.set_column(place, "consent", consent), population / "users.parquet")
    with RaySession(cpus=1) as session:
        build_until(Stop("partition"), population, lake, load_settings(built.settings), session)
    marks = [max(lake.results("partition", k), key=lambda each: each.created).fingerprint for k in range(lake.buckets)]
    stages = {**old.stages, "partition": marks}
    file_generation(lake, replace(old, id="g" + "e" * 12, stages=stages, created=old.created + 60))

    lake = Lake.open(lake.folder)
    assert Visible(lake, old).holds(stays)
    assert not Visible(lake, old).holds(leaves)
    assert leaves not in listed(lake, old, "ok", 50)
    with pytest.raises(LakeError, match="holds no such user"):
        tell_story(lake, old, leaves)


def test_a_forgotten_friend_is_named_nowhere(lake: Lake) -> None:
    generation = find_generation(lake)
    tables = GenerationTables(lake, generation)
    named = {user: _friends(tables, user) for user in listed(lake, generation, "ok", 50)}
    user, friend = next((user, friends[0]) for user, friends in named.items() if friends)
    assert str(friend) in json.dumps(Explainer(tables).explain(user).to_json())
    add_to_ledger(lake.folder, [friend])
    again = GenerationTables(Lake.open(lake.folder), generation)
    assert str(friend) not in json.dumps(Explainer(again).explain(user).to_json())
    assert friend not in listed(again.lake, generation, "ok", 50)


def _friends(tables: GenerationTables, user: int) -> list[int]:
    told = Explainer(tables).explain(user)
    return [one.nearest_friend for one in told.clusters if one.nearest_friend is not None]


def test_a_report_names_no_hub_that_must_not_be_seen(lake: Lake) -> None:
    generation = find_generation(lake)
    user, other, *_ = listed(lake, generation, "ok", 50)
    hubs = {**generation.audit["hubs"], "worst": [{"user_id": user, "near": 9}, {"user_id": other, "near": 8}]}
    starred = replace(generation, audit={**generation.audit, "hubs": hubs})
    add_to_ledger(lake.folder, [user])
    assert report_of(Lake.open(lake.folder), starred).audit["hubs"]["worst"] == hubs["worst"][1:]


def test_a_store_is_shown_and_goes_back_once(lake: Lake, tmp_path: Path) -> None:
    generation, uri = find_generation(lake), f"arrow://{tmp_path}/store"
    assert view_store(uri).problem == ""
    assert view_store(uri).against == "none"
    assert "no profile store is known" in view_store(None).problem
    assert view_store("ftp://x").problem.count("\n") == 0 < len(view_store("ftp://x").problem)
    store = create_store(uri)
    drawn = draw_profiles(list(range(40)), 1)
    first = publish(store, "g" + "1" * 12, drawn)
    publish(store, generation.id, drawn)
    view = view_store(uri)
    assert (view.active, view.before) == (generation.id, first.id)
    assert [shown.state for shown in list_generations(lake, view)] == ["active"]
    with pytest.raises(StoreConflictError, match="load the list again"):
        roll_back(uri, first.id)
    assert roll_back(uri, generation.id).id == first.id
    assert [shown.state for shown in list_generations(lake, view_store(uri))] == [STORED]
    assert [shown.state for shown in list_generations(lake, view_store(None))] == [KEPT]
    with pytest.raises(StoreError, match="nothing to roll back to"):
        roll_back(uri, first.id)
