"""The DAGs from end to end: real Airflow, a real Ray cluster, a drawn population, a generation."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from profiling.settings import load_settings
from profiling.store import open_store
from ray_tasks.generations import find_generation, generations
from ray_tasks.lake import Lake
from ray_tasks.lock import current_holder
from tests.conftest import BUCKETS, Built
from tests.dags.conftest import HERE, ROOT, Airflow, RayHead

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

STAGES = ["partition", "select", "embed", "people", "cluster", "round_0"]


def run(airflow: Airflow, dag: str, day: int, **conf: Any) -> tuple[dict[str, Any], str]:
    file = str(ROOT / "dags" / f"{dag}.py")
    command = [sys.executable, str(HERE / "run_dag.py"), file, dag, json.dumps(conf), f"2026-02-{day:02d}T00:00:00Z"]
    ours = {"AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags")}
    done = Airflow(airflow.environment | ours).run(*command, timeout=550)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


def states(outcome: dict[str, Any]) -> dict[str, str]:
    return {name: task["state"] for name, task in outcome["tasks"].items()}


@pytest.fixture(scope="module")
def form(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The form as filled in for the drawn population."""
    settings = load_settings(built.settings)
    return {
        "population": str(built.population),
        "lake": str(tmp_path_factory.mktemp("rebuilt") / "a lake"),
        "name": "rebuilt",
        "photos_per_user": settings.selection.photos_per_user,
        "rounds": settings.scoring.rounds,
        "buckets": BUCKETS,
        "settings": str(built.settings),
        "publish": "automatic",
        "store": f"arrow://{tmp_path_factory.mktemp('store')}/profiles",
    }


def test_a_rebuild_ends_in_the_generation_of_one_undisturbed_build_published(
    airflow_with_ray: Airflow, ray_head: RayHead, built: Built, form: dict[str, Any]
) -> None:
    outcome, log = run(airflow_with_ray, "rebuild_profiles", 1, **form)
    found = states(outcome)
    lake = Lake.open(form["lake"])
    generation = find_generation(lake, "rebuilt")
    rounds = len(generation.rounds)
    ran = {name for name, state in found.items() if state != "skipped"}
    assert ran == {*STAGES, *(f"round_{k}" for k in range(rounds)), "broaden", "audit", "gates", "publish"}, log[-3000:]
    assert {found[name] for name in ran} == {"success"}
    assert found["approval"] == "skipped"  # the gates passed
    with contextlib.closing(open_store(form["store"])) as store:
        active = store.active()
    assert active is not None
    assert active.id == generation.id
    assert generation.id == outcome["values"]["audit"]["generation"] == built.generation
    assert current_holder(lake)[1] is None
    assert list((lake.folder / "heartbeats").iterdir()) == []
    jobs = {name: state for name, state in ray_head.jobs().items() if name.startswith("rebuild_profiles.")}
    assert set(jobs.values()) == {"SUCCEEDED"}
    assert len(jobs) == len(ran - {"gates"})
    assert len(json.dumps(outcome["values"])) < 20_000  # numbers, no vectors


def test_a_nightly_run_finds_what_the_rebuild_has_done(
    airflow_with_ray: Airflow, built: Built, form: dict[str, Any]
) -> None:
    variables = {
        "AIRFLOW_VAR_KITH_POPULATION": form["population"],
        "AIRFLOW_VAR_KITH_LAKE": form["lake"],
        "AIRFLOW_VAR_KITH_SETTINGS": form["settings"],
    }
    airflow = Airflow(airflow_with_ray.environment | variables)
    outcome, log = run(airflow, "nightly_profiles", 2, dry_run=True)
    assert states(outcome)["embed"] == states(outcome)["audit"] == "skipped", log[-3000:]
    assert outcome["values"]["select"]["photos_to_look_at"] == 0
    assert outcome["run"] == "success"
    assert [each.id for each in generations(Lake.open(form["lake"]))] == [built.generation]


def test_a_population_that_is_not_there_fails_the_first_task_with_one_line(
    airflow_with_ray: Airflow, form: dict[str, Any], tmp_path: Path
) -> None:
    wrong = {"population": "/nowhere", "lake": str(tmp_path / "lake")}
    outcome, log = run(airflow_with_ray, "rebuild_profiles", 3, **form | wrong)
    assert outcome["tasks"]["partition"] == {"state": "failed", "try": 1}
    assert set(states(outcome).values()) == {"failed", "upstream_failed"}
    assert "failed (exit code 2): kith: /nowhere: is no folder; give the folder that holds" in log
    assert "runbook: mend the population folder or its tables" in log


def test_too_few_labelled_users_fail_the_training_with_one_line(
    airflow_with_ray: Airflow, built: Built, form: dict[str, Any], tmp_path: Path
) -> None:
    told = {"lake": form["lake"], "truth": str(built.population / "truth"), "out": str(tmp_path / "scorer.json")}
    outcome, log = run(airflow_with_ray, "train_scorer", 4, **told)
    assert states(outcome) == {"train": "failed", "propose": "upstream_failed"}
    assert outcome["tasks"]["train"]["try"] == 1
    assert "users have a cluster of their own, a scorer needs 20; give the truth of a larger population" in log
    assert not (tmp_path / "scorer.json").exists()
