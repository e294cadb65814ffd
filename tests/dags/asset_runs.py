"""Assets as Airflow's database has them: `prepare FILE…`, `update ASSET` over the REST API, or `show`, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.dags.rest import logged_in

FOLLOWING = ("nightly_profiles", "follow_generation", "follow_published")
BUNDLE = "dags-folder"


def prepare(*files: str) -> None:
    """Make DAG files known, and let the DAGs that follow assets run."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    DagBundlesManager().sync_bundles_to_db()
    for file in files:
        sync_bag_to_db(DagBag(dag_folder=file, bundle_name=BUNDLE), BUNDLE, None)
    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id.in_(FOLLOWING)).values(is_paused=False))


def tell(name: str) -> None:
    """Say that an asset was updated, as whoever exports a population does.

    Nights that are due by the clock are put off: one run at a time is made, and this must be the asset's.
    """
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with logged_in() as client:
        assets = client.get("/api/v2/assets", params={"name_pattern": name}).json()["assets"]
        wanted = next(each["id"] for each in assets if each["name"] == name)
        told = client.post("/api/v2/assets/events", json={"asset_id": wanted, "extra": {}})
        assert told.status_code == 200, told.text
    with create_session() as session:
        due = update(DagModel).where(DagModel.dag_id.in_(FOLLOWING))
        session.execute(due.values(next_dagrun=None, next_dagrun_create_after=None))


def show() -> None:
    """Print the runs that assets triggered: by DAG, the `extra` of what triggered each."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType
    from sqlalchemy import select

    found: dict[str, list[Any]] = {}
    with create_session() as session:
        for run in session.scalars(select(DagRun).where(DagRun.run_type == DagRunType.ASSET_TRIGGERED)):
            events = [[event.asset.name, event.extra] for event in run.consumed_asset_events]
            found.setdefault(run.dag_id, []).append({"state": str(run.state), "events": events})
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    {"prepare": prepare, "update": tell, "show": show}[sys.argv[1]](*sys.argv[2:])
