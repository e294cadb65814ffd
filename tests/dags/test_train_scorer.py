"""The DAG that trains a scorer, from a lake to the proposal: real Airflow, a real Ray cluster."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from profiling.embedding import get_model
from profiling.scorer import load_scorer
from profiling.settings import load_settings
from ray_tasks.build import build_until
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.stops import Stop
from tests.conftest import Built
from tests.dags.conftest import Airflow
from tests.dags.test_rebuild import run, states
from tests.repeated_population import repeat_population

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

COPIES, PHOTOS = 4, 6  # of the drawn population; photos a user: enough for a cluster each
UNREACHABLE = 5.0  # a margin that no cluster leads by, so that the scorer in use finds nobody


@pytest.fixture(scope="module")
def form(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A clustered lake whose build names a scorer that is easily beaten, and where the new one shall lie."""
    folder = tmp_path_factory.mktemp("training")
    population = repeat_population(built.population, folder / "population", COPIES)
    shipped = load_scorer(get_model("dlib").sha256)
    strict = tuple(dataclasses.replace(each, margin=UNREACHABLE) for each in shipped.rounds)
    (folder / "strict.json").write_text(dataclasses.replace(shipped, rounds=strict).to_json())
    changes = {"selection.photos_per_user": str(PHOTOS), "scoring.scorer": str(folder / "strict.json")}
    lake = Lake.create(folder / "lake", 2)
    with RaySession(cpus=2) as session:
        build_until(Stop("cluster"), population, lake, load_settings(built.settings, changes), session)
    return {"lake": str(lake.folder), "truth": str(population / "truth"), "out": str(folder / "new scorer.json")}


def test_a_better_scorer_is_written_and_proposed(airflow_with_ray: Airflow, form: dict[str, Any]) -> None:
    outcome, log = run(airflow_with_ray, "train_scorer", 14, **form)
    assert states(outcome) == {"train": "success", "propose": "success"}, log[-3000:]
    told = outcome["values"]["train"]
    assert told["better"]
    assert told["in_use"]["coverage"] == 0
    assert told["held_back"]["coverage"] > 0.5
    written = load_scorer(get_model("dlib").sha256, form["out"])
    assert (written.id, told["file"]) == (told["scorer"], form["out"])
    assert Path(form["out"]).with_suffix(".svg").exists()
    assert written.provenance["wanted_precision"] == 0.99
    assert json.loads(written.to_json())["provenance"]["with_own_cluster"] >= 20
