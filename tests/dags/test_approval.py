"""Gates and approval: a failed gate is red or asks a person, and nothing is published that nobody wanted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ray_tasks.alerts import HOUR_S, judge
from ray_tasks.asking import open_questions
from ray_tasks.lake import Lake
from ray_tasks.lake_state import measure
from ray_tasks.metrics import APPROVAL_WAITING
from tests.dags.conftest import HERE, PATIENCE_S, Airflow, wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

WAITING = "Waiting for response"  # said by the task before it is parked
STORE = "arrow:///nowhere/store"


def command(day: int, **conf: Any) -> list[str]:
    file = str(HERE / "dag_files" / "asking.py")
    return [sys.executable, str(HERE / "run_dag.py"), file, "asking", json.dumps(conf), f"2026-03-{day:02d}T00:00:00Z"]


def told(log: str) -> dict[str, str]:
    """States of the tasks behind the audit."""
    tasks = json.loads(next(line for line in reversed(log.splitlines()) if line.startswith('{"run"')))["tasks"]
    return {name: tasks[name]["state"] for name in ("gates", "approval", "publish")}


def run(airflow: Airflow, day: int, **conf: Any) -> tuple[dict[str, str], str]:
    done = airflow.run(*command(day, **conf))
    assert done.returncode == 0, done.stderr[-3000:]
    return told(done.stdout), done.stdout + done.stderr


def test_a_failed_gate_is_red_when_nobody_is_asked(airflow: Airflow) -> None:
    states, log = run(airflow, 1, passed=False)
    assert states == {"gates": "failed", "approval": "upstream_failed", "publish": "upstream_failed"}
    assert "generation g0123 is kept, but failed its gates: coverage" in log
    assert "runbook: open kith report LAKE" in log


def test_a_good_generation_that_nobody_wants_published_stays(airflow: Airflow) -> None:
    assert run(airflow, 2)[0] == {"gates": "success", "approval": "skipped", "publish": "skipped"}


@pytest.mark.parametrize(
    ("day", "conf", "answer"),
    [(3, {"passed": False}, "Reject"), (4, {"publish": "after approval"}, "Approve")],
)
def test_a_person_is_asked_and_obeyed(
    airflow_with_ray: Airflow, tmp_path: Path, day: int, conf: dict[str, Any], answer: str
) -> None:
    log = tmp_path / "run.log"
    lake = Lake.create(tmp_path / "lake", 1)
    if answer == "Reject":
        conf = conf | {"lake": str(lake.folder)}
    nightly = {} if "publish" in conf else {"AIRFLOW_VAR_KITH_PUBLISH": "automatic"}
    airflow = Airflow(airflow_with_ray.environment | nightly)
    process = airflow.start(*command(day, store=STORE, **conf), log=log)
    try:
        wait_until(lambda: WAITING in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()[-3000:]
        if answer == "Reject":
            the_lake_knows_who_is_asked(lake)
        run_id = f"manual__2026-03-{day:02d}T00:00:00+00:00"
        answered = airflow.run(sys.executable, str(HERE / "answer.py"), "asking", run_id, answer)
        assert answered.returncode == 0, answered.stderr[-3000:]
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
    assert not open_questions(lake.folder)
    said = log.read_text()
    states = told(said)
    assert (states["gates"], states["approval"]) == ("success", "success")
    if answer == "Reject":
        assert states["publish"] == "skipped"
    else:
        assert f"publish --ray=auto --json --store={STORE} --generation=g0123 --approve -- /lake" in said
        assert "kith: /lake: is no lake" in said  # as far as a generation goes that is none


def the_lake_knows_who_is_asked(lake: Lake) -> None:
    (asked,) = open_questions(lake.folder).items()
    assert asked[0] == "g0123"
    hours = [judge(measure(lake, None, 7, asked[1] + wait * HOUR_S)) for wait in (11.9, 12.1)]
    assert [[each.metric for each in fired] for fired in hours] == [[], [APPROVAL_WAITING]]


def test_publishing_without_a_store_is_refused_before_anybody_is_asked(airflow: Airflow) -> None:
    states, log = run(airflow, 5, publish="after approval")
    assert states == {"gates": "failed", "approval": "upstream_failed", "publish": "upstream_failed"}
    assert "no profile store is named; give one in the form to publish" in log
