"""What Airflow's database knows: the generation that a run made, runs that publish, and who pressed which button."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.exceptions import DagNotFound
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.orm import Session

from dags.plugin.access import PUBLISH
from dags.plugin.places import MAKERS, LakePlace
from profiling.errors import KithError

AUDIT_TASK = "audit"  # its result names the generation (`ray_tasks.build.summary`)
PENDING = ("queued", "running")
LOOKED_AT = 50  # newest publications

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Publication:
    """A run of the DAG that publishes: its id and state, and which generation it is about."""

    run_id: str
    state: str
    generation: str

    @property
    def pending(self) -> bool:
        """Whether it is still on its way."""
        return self.state in PENDING


def find_run(session: Session, dag_id: str, run_id: str) -> DagRun | None:
    """A run of a DAG that makes generations."""
    if dag_id not in MAKERS:
        return None
    return session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))


def generation_of(session: Session, run: DagRun) -> str | None:
    """Id of the generation that a run made; None while it has none."""
    query = XComModel.get_many(run_id=run.run_id, dag_ids=run.dag_id, task_ids=AUDIT_TASK, key="return_value", limit=1)
    row = session.scalar(query)
    value = None if row is None else XComModel.deserialize_value(row)
    return str(value["generation"]) if isinstance(value, Mapping) and "generation" in value else None


def publications(session: Session, place: LakePlace) -> list[Publication]:
    """The newest runs that publish generations of a lake, newest first."""
    newest = select(DagRun).where(DagRun.dag_id == PUBLISH).order_by(DagRun.run_after.desc()).limit(LOOKED_AT)
    found = []
    for run in session.scalars(newest):
        form: Mapping[str, Any] = run.conf if isinstance(run.conf, Mapping) else {}
        if form.get("lake") == place.lake:
            found.append(Publication(run.run_id, str(run.state), str(form.get("generation", ""))))
    return found


def start_publication(user: BaseUser, place: LakePlace, generation: str, against: str, approve: bool) -> str:
    """Trigger the DAG that publishes; returns the run's id. The run is there when this returns.

    Raises
    ------
    KithError
        Airflow does not know the DAG (yet).
    """
    form = {
        "lake": place.lake,
        "store": place.store,
        "generation": generation,
        "against": against,
        "approve": approve,
    }
    name, button = user.get_name(), DagRunTriggeredByType.UI
    try:
        with create_session() as session:
            run = trigger_dag(PUBLISH, triggered_by=button, triggering_user_name=name, conf=form, session=session)
            if run is not None:
                return str(run.run_id)
    except DagNotFound:
        pass
    raise KithError(f"DAG {PUBLISH} is not there; add Kith's dags folder to Airflow and load this page again")


def write_audit(user: BaseUser, event: str, told: Mapping[str, object]) -> None:
    """A line in Airflow's audit log and in the server's: who is about to do what. It is there when this returns."""
    line = json.dumps(told)
    name = user.get_name()
    log.info("%s by %s: %s", event, name, line)
    with create_session() as session:
        session.add(Log(event=event, owner=name, owner_display_name=name, extra=line, dag_id=PUBLISH))
