"""Gates and approval: a failed gate is red or asks a person, and nothing is published that nobody wanted."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.dags.conftest import HERE, Airflow

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

STORE = "arrow:///nowhere/store"


def run(airflow: Airflow, day: int, **conf: Any) -> tuple[dict[str, str], str]:
    """States of the tasks behind the audit, and the log."""
    file = str(HERE / "dag_files" / "asking.py")
    when = f"2026-03-{day:02d}T00:00:00Z"
    done = airflow.run(sys.executable, str(HERE / "run_dag.py"), file, "asking", json.dumps(conf), when)
    assert done.returncode == 0, done.stderr[-3000:]
    tasks = json.loads(done.stdout.splitlines()[-1])["tasks"]
    return {name: tasks[name]["state"] for name in ("gates", "approval", "publish")}, done.stdout + done.stderr


def test_a_failed_gate_is_red_when_nobody_is_asked(airflow: Airflow) -> None:
    states, log = run(airflow, 1, passed=False)
    assert states == {"gates": "failed", "approval": "upstream_failed", "publish": "upstream_failed"}
    assert "generation g0123 is kept, but failed its gates: coverage" in log
    assert "runbook: open kith report LAKE" in log


def test_a_good_generation_that_nobody_wants_published_stays(airflow: Airflow) -> None:
    assert run(airflow, 2)[0] == {"gates": "success", "approval": "skipped", "publish": "skipped"}


@pytest.mark.parametrize(
    ("day", "conf"), [(3, {"publish": "automatic", "passed": False}), (4, {"publish": "after approval"})]
)
def test_a_person_is_asked(airflow: Airflow, day: int, conf: dict[str, Any]) -> None:
    states, _ = run(airflow, day, store=STORE, **conf)
    assert states["gates"] == "success"
    assert states["approval"] == "awaiting_input"
    assert states["publish"] in ("None", "scheduled")


def test_publishing_without_a_store_is_refused_before_anybody_is_asked(airflow: Airflow) -> None:
    states, log = run(airflow, 5, publish="after approval")
    assert states == {"gates": "failed", "approval": "upstream_failed", "publish": "upstream_failed"}
    assert "no profile store is named; give one in the form to publish" in log
