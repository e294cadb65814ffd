"""After the audit: what the gates say, a person's word where it is needed, and the way into the profile store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Metadata, TriggerRule, Variable, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.assets import GENERATION, PUBLISHED
from dags.forms import AUTOMATIC, NEVER, PUBLISHING
from dags.operators.asking import GenerationApproval, no_answer
from dags.operators.ray_job import RayJobOperator
from dags.runbook import say_what_to_do
from dags.stage_tasks import CPU_POOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import BaseOperator, Context

PUBLISH_VARIABLE = "kith_publish"  # of Airflow, for runs without a form
ASKED_FOR = timedelta(days=7)  # then the approval fails; the generation stays and can be published by hand
BODY = """
Generation **{{ ti.xcom_pull(task_ids='audit')['generation'] }}** of lake `LAKE`:
{{ ti.xcom_pull(task_ids='audit')['profiles'] }} profiles.

{% for gate in ti.xcom_pull(task_ids='audit')['audit']['gates'] if not gate['passed'] %}
- gate **{{ gate['name'] }}** failed: {{ gate['meaning'] }}; {{ gate['advice'] }}
{% else %}
All gates passed.
{% endfor %}
"""


def publish_tasks(audit: BaseOperator, lake: str, publish: str, store: str) -> None:
    """Gates, approval and publication after the audit.

    Parameters
    ----------
    lake, publish, store : templates of the lake, of when to publish (`dags.forms`) and of the store's address.
    """
    gates = judge.override(task_id="gates", pool=CPU_POOL)(
        "{{ ti.xcom_pull(task_ids='audit') | tojson }}", lake, publish, store
    )
    approval = GenerationApproval(
        task_id="approval",
        lake=lake,
        generation="{{ ti.xcom_pull(task_ids='audit')['generation'] }}",
        subject="Publish generation {{ ti.xcom_pull(task_ids='audit')['generation'] }}?",
        body=BODY.replace("LAKE", lake),
        response_timeout=ASKED_FOR,
        execution_timeout=None,
        pre_execute=skip_when_not_asked,
        on_failure_callback=[no_answer, say_what_to_do],
        pool=CPU_POOL,
        retries=0,
    )
    into_store = RayJobOperator(
        task_id="publish",
        arguments=[
            "publish",
            "--ray=auto",
            "--json",
            f"--store={store}",
            "--generation={{ (ti.xcom_pull(task_ids='audit') or {}).get('generation', '') }}",
            "{{ '--approve' if ti.xcom_pull(task_ids='approval') else '' }}",
            "--",
            lake,
        ],
        heartbeat_folder=f"{lake}/heartbeats",
        pool=CPU_POOL,
        trigger_rule=TriggerRule.NONE_FAILED,  # nobody may have been asked
        pre_execute=skip_when_not_published,
        outlets=[PUBLISHED],
    )
    audit >> gates >> approval >> into_store
    gates >> into_store


@task(outlets=[GENERATION])
def judge(audit: str, lake: str, publish: str, store: str) -> Iterator[Metadata]:
    """Fail when a gate has failed and nobody will be asked; else tell the world of a generation."""
    import json
    import logging

    found: dict[str, Any] = json.loads(audit)
    failed = [gate for gate in found["audit"]["gates"] if not gate["passed"]]
    for gate in failed:
        logging.getLogger(__name__).warning("gate %s: %s; %s", gate["name"], gate["meaning"], gate["advice"])
    if publish not in PUBLISHING:
        raise AirflowFailException(f"publish {publish!r}: choose {', '.join(PUBLISHING)}")
    if publish != NEVER and not store.strip():
        raise AirflowFailException("no profile store is named; give one in the form to publish")
    if failed and publish == NEVER:
        names = ", ".join(gate["name"] for gate in failed)
        raise AirflowFailException(f"generation {found['generation']} is kept, but failed its gates: {names}")
    yield Metadata(GENERATION, {"generation": found["generation"], "lake": lake, "passed": not failed})


def skip_when_not_asked(context: Context) -> None:
    """A person is asked when approval is wanted, or a gate has failed."""
    wanted = _wanted(context)
    passed = context["ti"].xcom_pull(task_ids="audit")["audit"]["passed"]
    if wanted == NEVER or (wanted == AUTOMATIC and passed):
        raise AirflowSkipException("no approval is needed")


def skip_when_not_published(context: Context) -> None:
    """Only what is wanted goes into the store."""
    if _wanted(context) == NEVER or context["params"]["dry_run"]:
        raise AirflowSkipException("nothing is to be published")


def _wanted(context: Context) -> str:
    """What the form says, or where it is silent, as on a night, the variable."""
    return str(context["params"]["publish"] or Variable.get(PUBLISH_VARIABLE, default=NEVER))
