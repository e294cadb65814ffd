"""The DAG of the compaction: once a week the parts of seven nights become few, and what is gone leaves the files."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, CronTriggerTimetable

from dags.contradictions import refuse_unnamed
from dags.forms import compaction_form
from dags.operators.ray_job import RayJobOperator
from dags.stage_tasks import CPU_POOL, DEFAULTS, LAKE, LOCK_PATIENCE_S, SETTINGS

WEEKLY = "0 6 * * 3"  # UTC; a week is what faces of photos that are gone may stay in the files
DOC = """
### Compact faces

A nightly run adds a file of faces to every bucket, and faces of photos that are gone leave clusters, evidence and
profiles the same night, but not yet the files. Here they leave the files, and the files of the week become few. No
result of any generation changes.

It reads Airflow's variables (*Admin → Variables*) `kith_lake` and, where it is set, `kith_settings`; the form replaces
the lake for one run. A lake that is being written is waited for. The result of the task `compact` counts parts and
photos.
"""

with DAG(
    "compact_faces",
    dag_display_name="Compact faces",
    description="Faces of photos that are gone leave the files; many small files become few",
    doc_md=DOC,
    schedule=CronTriggerTimetable(WEEKLY, timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params=compaction_form(),
    tags=["kith", "retention"],
    max_active_runs=1,
    default_args=DEFAULTS,
):
    RayJobOperator(
        task_id="compact",
        arguments=["compact", "--ray=auto", "--json", f"--wait={LOCK_PATIENCE_S}", SETTINGS, "--", LAKE],
        heartbeat_folder=f"{LAKE}/heartbeats",
        pool=CPU_POOL,
        pre_execute=refuse_unnamed(lake=LAKE),
    )
