"""DAGs with one Ray job each, for the operator's tests, and two whose tasks fail in several ways."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param

from dags.operators.ray_job import RayJobOperator

JOBS = Path(__file__).resolve().parents[1] / "jobs"
ROOT = JOBS.parents[2]
LONG_S, HASTY_S, ABANDON_S = 600, 25, 5.0  # seconds


def job(task_id: str = "job", code: str = "0", timeout_s: float = LONG_S, **options: Any) -> RayJobOperator:
    """The pretended job, told by the run's parameters."""
    return RayJobOperator(
        task_id=task_id,
        module="pretended",
        arguments=["{{ params.folder }}", "{{ params.seconds }}", code, "{{ params.word }}"],
        environment={"PYTHONPATH": os.pathsep.join([str(JOBS), str(ROOT)])},
        retries=1,
        retry_delay=timedelta(seconds=1),
        execution_timeout=timedelta(seconds=timeout_s),
        **options,
    )


def dag(dag_id: str) -> DAG:
    """A DAG that is told a folder to work in."""
    fields = {"folder": Param("", type="string"), "seconds": Param(0, type="number"), "word": Param("", type="string")}
    return DAG(dag_id, params=fields)


with dag("one_job"):
    job()
with dag("one_hasty_job"):
    job(timeout_s=HASTY_S)
with dag("one_watched_job"):
    job(heartbeat_folder="{{ params.folder }}", abandon_after_s=ABANDON_S)
with dag("recovering_job"):
    job(code="once")
with dag("failing_jobs"):
    job("job-again", code="1")
    job("job-mend", code="2")
with dag("wrong_connections"):
    job("token", ray_conn_id="ray_wrong_token", patience_s=0.0)
    job("port", ray_conn_id="ray_wrong_port", patience_s=0.0)
