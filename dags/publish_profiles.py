"""The DAG that puts one generation into the profile store: what the button *Publish* on the pages starts."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param

from dags.assets import PUBLISHED
from dags.forms import CARE, INPUT, NAME, OUTCOME, STORE, lake_field
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


def word(title: str, description: str, pattern: str, section: str, **rules: Any) -> Param:
    """A field of one word."""
    return Param(type="string", title=title, description=description, pattern=pattern, section=section, **rules)


with DAG(
    "publish_profiles",
    dag_display_name="Publish a generation",
    description="One generation of a lake into the profile store",
    doc_md=DOC,
    schedule=None,
    is_paused_upon_creation=False,  # the page's button would queue what nobody starts
    params={
        "lake": lake_field(type="string"),
        "generation": word("Generation", "Its id or name.", NAME.replace("{0,", "{1,"), INPUT),
        "store": word("Profile store", "arrow:///FOLDER or cassandra://USER@HOST/KEYSPACE.", STORE, OUTCOME),
        "approve": Param(
            False,
            type="boolean",
            title="Approved",
            description="A gate failed, and a person has looked at it.",
            section=CARE,
        ),
        "against": word(
            "Active now",
            "Publish only if this generation is still the active one; none = nothing was published yet; empty = any.",
            NAME,
            CARE,
            default="",
        ),
    },
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
