"""The DAG that fits a scorer on a lake and, if it is better on held-back users, proposes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Metadata, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import SCORER
from dags.forms import training_form
from dags.operators.ray_job import RayJobOperator
from dags.proposals import with_proposals
from dags.stage_tasks import CPU_POOL, DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

DOC = """
### Train a scorer

Fits the weight and the margin on the clusters of the lake's last build: on a truth folder, or on the owners whom tags
name. Users are held back in turn; on them the new scorer is compared with the one that the lake's build used. If it
is better, the task `propose` succeeds and updates the asset `kith_proposed_scorer`; otherwise it is skipped.

A proposal changes nothing. To use it, name the file in the settings file of the next rebuild: `[scoring]`,
`scorer = "FILE"`.
"""


@task(outlets=[SCORER])
def propose(told: str) -> Iterator[Metadata]:
    """Tell the world of a scorer that is better on held-back users."""
    import json

    found: dict[str, Any] = json.loads(told)
    if not found["better"]:
        raise AirflowSkipException(f"not better: {found['held_back']} beside {found['in_use']} of the scorer in use")
    yield Metadata(SCORER, {"scorer": found["scorer"], "file": found["file"]})


with DAG(
    "train_scorer",
    dag_display_name="Train a scorer",
    description="A scorer from a lake's clusters, proposed if it is better on held-back users",
    doc_md=DOC,
    schedule=None,
    params=with_proposals(training_form()),
    tags=["kith", "scorer"],
    max_active_runs=1,
    default_args=DEFAULTS,
):
    trained = RayJobOperator(
        task_id="train",
        arguments=[
            "train-scorer",
            "--json",
            "--out={{ params.out }}",
            "--precision={{ params.precision }}",
            "{{ '--truth=' ~ params.truth if params.truth else '' }}",
            "--",
            "{{ params.lake }}",
        ],
        heartbeat_folder="{{ params.lake }}/heartbeats",
        pool=CPU_POOL,
    )
    proposal = propose.override(pool=CPU_POOL)("{{ ti.xcom_pull(task_ids='train') | tojson }}")
    trained >> proposal
