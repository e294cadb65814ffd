"""DAGs with one Ray job each, for the operator's tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from dags.operators.ray_job import RayJobOperator

JOBS = Path(__file__).resolve().parents[1] / "jobs"

for dag_id, timeout_s in {"one_job": 600, "one_hasty_job": 60}.items():
    with DAG(
        dag_id,
        params={
            "folder": Param("", type="string"),
            "seconds": Param(0, type="number"),
            "code": Param(0, type="integer"),
            "word": Param("", type="string"),
        },
    ):
        RayJobOperator(
            task_id="job",
            module="pretended",
            arguments=["{{ params.folder }}", "{{ params.seconds }}", "{{ params.code }}", "{{ params.word }}"],
            environment={"PYTHONPATH": str(JOBS)},
            retries=1,
            retry_delay=timedelta(seconds=1),
            execution_timeout=timedelta(seconds=timeout_s),
        )
