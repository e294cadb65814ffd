"""The tasks that make a generation, one Ray job a stage: what a rebuild and a nightly run have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from dags.operators.ray_job import RayJobOperator
from dags.runbook import say_what_to_do

if TYPE_CHECKING:
    from airflow.sdk import Context

    Check = Callable[[Context], None]

GPU_POOL, CPU_POOL = "kith_gpu", "kith_cpu"  # dags/pools.json
MOST_ROUNDS = 8  # tasks of the graph after round 0: the real-photo populations settled by round 5
LOCK_PATIENCE_S = 12 * 3600  # seconds that a job waits for another writer of its lake: whoever holds it longer is stuck
DEFAULTS = {
    "owner": "kith",
    "retries": 3,
    # Short: the next job itself waits for a lake that a dead one seems to hold, the next try for a head that starts.
    # Constant: Airflow's exponential delay doubles with every try ever made, Clear included.
    "retry_delay": timedelta(seconds=20),
    "execution_timeout": timedelta(days=3),
    "on_failure_callback": say_what_to_do,
}
# Of runs that nobody filled a form for: Airflow's variables. `STORE` is an expression, the others are templates.
LAKE = "{{ params.lake or var.value.get('kith_lake', '') }}"
STORE = "params.store or var.value.get('kith_store', '')"
SETTINGS = "{{ '--settings=' ~ var.value.get('kith_settings') if var.value.get('kith_settings', '') else '' }}"
_TOLD = "ti.xcom_pull(task_ids='partition')"  # the snapshot that a run is about, and whose artefacts it uses
PARTITION = f"{{{{ '--partition=' ~ {_TOLD}['partition'] }}}}"
ARTEFACTS = f"{{{{ '--artefacts=' ~ {_TOLD}['artefacts_of'] if 'artefacts_of' in {_TOLD} else '' }}}}"
# Of a run about some users: the generation whose selection the others keep is found once, by the first task.
BASE = f"{{% set base = {_TOLD}.get('base', '') %}}{{{{ '--base=' ~ base if base else '' }}}}"
SAME = (PARTITION, ARTEFACTS, BASE)


@dataclass(frozen=True)
class BuildTemplates:
    """What `kith build` is told, as templates; one that renders to nothing is left out.

    `check` stands before the first task.
    """

    population: str
    lake: str
    more: tuple[str, ...] = ()
    check: Check | None = None


def stage(task_id: str, told: BuildTemplates, *more: str, pool: str = CPU_POOL, **options: Any) -> RayJobOperator:
    """A task that builds up to a stage; what earlier tasks committed is skipped."""
    return RayJobOperator(
        task_id=task_id,
        arguments=[
            "build",
            "--ray=auto",
            "--json",
            f"--wait={LOCK_PATIENCE_S}",
            f"--lake={told.lake}",
            *told.more,
            *more,
            "--",
            told.population,
        ],
        heartbeat_folder=f"{told.lake}/heartbeats",
        pool=pool,
        **options,
    )


def generation_tasks(told: BuildTemplates) -> RayJobOperator:
    """All stages one after the other; returns the last, whose result is the generation's summary."""
    rounds = [
        stage(f"round_{number}", told, *SAME, f"--until=round-{number}", **_checked(number))
        for number in range(MOST_ROUNDS + 1)
    ]
    dry = "{{ '--dry-run' if params.dry_run else '--until=select' }}"
    chain = [
        stage("partition", told, "--until=partition", pre_execute=told.check),
        stage("select", told, *SAME, dry),
        stage("embed", told, *SAME, "--until=embed", pool=GPU_POOL, pre_execute=skip_when_dry),
        stage("people", told, *SAME, "--until=people"),
        stage("cluster", told, *SAME, "--until=cluster"),
        *rounds,
        stage(
            "broaden",
            told,
            *SAME,
            "--until=broaden",
            pool=GPU_POOL,
            trigger_rule=TriggerRule.NONE_FAILED,  # rounds may be skipped
            pre_execute=skip_when_dry,
        ),
        stage("audit", told, *SAME, "--until=audit"),
    ]
    for before, after in pairwise(chain):
        before >> after
    return chain[-1]


def skip_when_dry(context: Context) -> None:
    """Leave out what a dry run does not do."""
    if context["params"]["dry_run"]:
        raise AirflowSkipException("a dry run ends after select, whose result counts the photos to look at")


def skip_when_settled(number: int) -> Check:
    """A check before a round: skip it when fewer rounds are wanted or the last one has moved almost nobody."""

    def check(context: Context) -> None:
        last = context["ti"].xcom_pull(task_ids=f"round_{number - 1}")
        if last["settled"]:
            raise AirflowSkipException(f"settled: round {last['round']} moved {last['moved']} users")
        if not last["more"]:
            raise AirflowSkipException(f"no round after round {last['round']} is wanted")

    return check


def _checked(number: int) -> dict[str, Any]:
    return {"pre_execute": skip_when_settled(number)} if number else {}
