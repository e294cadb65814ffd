"""A DAG that begins after the audit: what it found is told by the run, for the tests of gates and approval."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from dags.approval import publish_tasks
from dags.forms import nightly_form
from dags.stage_tasks import DEFAULTS

PUBLISH = "{{ params.publish or var.value.get('kith_publish', 'never') }}"


@task
def audit(passed: str) -> dict[str, Any]:
    """The summary of a generation, as the last stage returns it."""
    good = passed == "True"
    gate = {"name": "coverage", "passed": good, "meaning": "users with a profile", "advice": "look at the report"}
    return {"generation": "g0123", "profiles": 7, "audit": {"passed": good, "gates": [gate]}}


with DAG(
    "asking",
    params=nightly_form() | {"passed": Param(True, type="boolean"), "lake": Param("/lake", type="string")},
    default_args=DEFAULTS | {"retries": 0},
):
    publish_tasks(audit("{{ params.passed }}"), "{{ params.lake }}", PUBLISH, "{{ params.store or '' }}")
