"""The DAGs of erasure and retention, from end to end: real Airflow, a real Ray cluster, a lake and a store."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from profiling.settings import StoreSettings
from profiling.store import create_store, open_store
from ray_tasks.forgetting import hide_users
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation, generations
from ray_tasks.lake import Lake
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from ray_tasks.receipts import waiting
from tests.conftest import Built
from tests.dags.conftest import Airflow
from tests.dags.test_rebuild import run, states

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def places(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A lake and a store that one of its generations is published to."""
    folder = tmp_path_factory.mktemp("forgetting")
    lake = Lake.open(shutil.copytree(built.lake, folder / "lake"))
    store = f"arrow://{folder / 'store'}"
    create_store(store).close()
    with RaySession(cpus=2) as session:
        publish(Order(lake, find_generation(lake), store, approved=True), session, StoreSettings())
    return {"lake": str(lake.folder), "store": store}


def resolved(lake: Lake) -> int:
    """Somebody with a profile."""
    generation = find_generation(lake)
    rows = GenerationTables(lake, generation).table(generation.last_round, "profiles").to_pylist()
    return int(next(row["user_id"] for row in rows if row["reason"] == "ok"))


def test_who_waits_is_erased_with_a_receipt(airflow_with_ray: Airflow, places: dict[str, str]) -> None:
    lake = Lake.open(places["lake"])
    user = resolved(lake)
    with contextlib.closing(open_store(places["store"])) as store:
        hide_users([user], lake, store)
        name = store.name
    variables = {"AIRFLOW_VAR_KITH_LAKE": places["lake"], "AIRFLOW_VAR_KITH_STORE": places["store"]}
    early, log = run(Airflow(airflow_with_ray.environment | variables), "forget_users", 5)
    assert states(early) == {"erase": "success"}, log[-3000:]
    assert early["values"]["erase"]["receipt"] is None, "nobody's time is up"
    done, log = run(airflow_with_ray, "forget_users", 6, **places, now=True)
    assert states(done) == {"erase": "success"}, log[-3000:]
    receipt: dict[str, Any] = done["values"]["erase"]["receipt"]
    assert receipt["users"] == [user]
    assert receipt["store"]["rows"] > 0
    assert receipt["tables"]
    assert waiting(Lake.open(places["lake"]), name).users == ()


def test_the_compaction_makes_one_part_of_many(airflow_with_ray: Airflow, places: dict[str, str]) -> None:
    done, log = run(airflow_with_ray, "compact_faces", 8, lake=places["lake"])
    assert states(done) == {"compact": "success"}, log[-3000:]
    found = done["values"]["compact"]
    assert 0 < found["after"] < found["before"]


def test_the_retention_says_what_went(airflow_with_ray: Airflow, places: dict[str, str], tmp_path: Path) -> None:
    settings = tmp_path / "kith.toml"
    settings.write_text("[retention]\ngenerations = 1\ndays = 0\n")
    variables = {"AIRFLOW_VAR_KITH_SETTINGS": str(settings)}
    before = find_generation(Lake.open(places["lake"]))
    done, log = run(Airflow(airflow_with_ray.environment | variables), "retire_generations", 7, **places)
    assert states(done) == {"retire": "success"}, log[-3000:]
    assert done["values"]["retire"]["generations"] == []
    assert done["values"]["retire"]["results"] > 0, "results that the generation does not need"
    assert [each.id for each in generations(Lake.open(places["lake"]))] == [before.id]
