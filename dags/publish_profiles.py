"""The DAG that puts one generation into the profile store: what the button *Publish* on the pages starts."""

from __future__ import annotations

from airflow.sdk import DAG

from dags.assets import PUBLISHED
from dags.forms import publishing_form
from dags.operators.ray_job import RayJobOperator
from dags.stage_tasks import CPU_POOL, DEFAULTS

DOC = """
### Publish a generation

Writes a generation that is in the lake into the profile store, reads users back, and moves the pointer: readers change
over at once, or not at all. The page *Profiles* starts it; so may anybody who can trigger this DAG.

A generation whose gates failed is refused unless *approved* says that a person has looked. When another generation is
active than *active now* names, nothing is done: look again. To go back, press *Roll back* on the page *Profiles*, or
run `kith rollback`.
"""


with DAG(
    "publish_profiles",
    dag_display_name="Publish a generation",
    description="One generation of a lake into the profile store",
    doc_md=DOC,
    schedule=None,
    is_paused_upon_creation=False,  # the page's button would queue what nobody starts
    params=publishing_form(),
    tags=["kith", "profiles"],
    max_active_runs=1,
    default_args=DEFAULTS,
):
    RayJobOperator(
        task_id="publish",
        arguments=[
            "publish",
            "--ray=auto",
            "--json",
            "--store={{ params.store }}",
            "--generation={{ params.generation }}",
            "{{ '--approve' if params.approve else '' }}",
            "{{ '--against=' ~ params.against if params.against else '' }}",
            "--",
            "{{ params.lake }}",
        ],
        heartbeat_folder="{{ params.lake }}/heartbeats",
        pool=CPU_POOL,
        outlets=[PUBLISHED],
    )
