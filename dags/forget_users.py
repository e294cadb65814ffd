"""The DAG that erases people who were forgotten: one pass for all who wait, before anybody's time is up."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, CronTriggerTimetable

from dags.contradictions import refuse_unnamed
from dags.forms import forgetting_form
from dags.operators.ray_job import RayJobOperator
from dags.stage_tasks import CPU_POOL, DEFAULTS, LAKE, LOCK_PATIENCE_S, SETTINGS, STORE

DAILY = "0 5 * * *"  # UTC; after the nightly run, which holds the lake
DOC = """
### Forget users

`kith forget USER… --lake LAKE --store STORE` hides people at once, wherever they are asked for. This DAG removes what
was drawn from their photos for good: from the tables of the lake, from the profile store, from reports. It looks once a
day and does nothing until the time of somebody who waits would be over before the next day (setting `forgetting.days`,
7 unless set); then it erases everybody who waits in one pass. The field *At once* has it erase them now.

The result of the task `erase` is a receipt: who, hidden when, erased when, what, and what remains where no command of
ours reaches, such as backups. It also stands in the folder `erasures` of the lake. A pass that was cut off goes on
with the next try.

It reads Airflow's variables (*Admin → Variables*) `kith_lake` and, where they are set, `kith_store` and
`kith_settings`; the form replaces them for one run. A lake that is being written is waited for.
"""

with DAG(
    "forget_users",
    dag_display_name="Forget users",
    description="Erases whoever was forgotten from lake, store and reports, with a receipt",
    doc_md=DOC,
    schedule=CronTriggerTimetable(DAILY, timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params=forgetting_form(),
    tags=["kith", "privacy"],
    max_active_runs=1,
    default_args=DEFAULTS,
):
    RayJobOperator(
        task_id="erase",
        arguments=[
            "forget",
            "{{ '--now' if params.now else '--due' }}",
            "--ray=auto",
            "--json",
            f"--wait={LOCK_PATIENCE_S}",
            f"--lake={LAKE}",
            f"{{{{ '--store=' ~ ({STORE}) if ({STORE}) else '' }}}}",
            SETTINGS,
        ],
        heartbeat_folder=f"{LAKE}/heartbeats",
        pre_execute=refuse_unnamed(lake=LAKE),
        pool=CPU_POOL,
    )
