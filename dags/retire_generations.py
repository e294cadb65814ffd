"""The DAG of the retention: what is older than the settings say goes from lake and store."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, CronTriggerTimetable

from dags.contradictions import refuse_unnamed
from dags.forms import retention_form
from dags.operators.ray_job import RayJobOperator
from dags.stage_tasks import CPU_POOL, DEFAULTS, LAKE, LOCK_PATIENCE_S, SETTINGS, STORE

WEEKLY = "0 6 * * 0"  # UTC
DOC = """
### Retire generations

Takes away what is older than the settings say: in the lake, generations with all results that only they need
(`retention.generations`, `retention.days`) and faces of photos that no kept generation selects
(`retention.faces_days`); in the store, generations that are neither active nor what a rollback leads to
(`store.keep_generations`, `store.keep_days`). A generation that the store serves stays in the lake too, because the
next delta is made against it. Faces of photos that have left every kept snapshot of the population go at once.

It reads Airflow's variables (*Admin → Variables*) `kith_lake` and, where they are set, `kith_store` and
`kith_settings`; the form replaces them for one run. A lake that is being written is waited for. The result of the task
`retire` says what went.
"""

with DAG(
    "retire_generations",
    dag_display_name="Retire generations",
    description="Old generations, their results and faces that nothing asks for go",
    doc_md=DOC,
    schedule=CronTriggerTimetable(WEEKLY, timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params=retention_form(),
    tags=["kith", "retention"],
    max_active_runs=1,
    default_args=DEFAULTS,
):
    RayJobOperator(
        task_id="retire",
        arguments=[
            "retire",
            "--ray=auto",
            "--json",
            f"--wait={LOCK_PATIENCE_S}",
            f"{{{{ '--store=' ~ ({STORE}) if ({STORE}) else '' }}}}",
            SETTINGS,
            "--",
            LAKE,
        ],
        heartbeat_folder=f"{LAKE}/heartbeats",
        pre_execute=refuse_unnamed(lake=LAKE),
        pool=CPU_POOL,
    )
