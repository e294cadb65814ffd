"""Run a DAG once with `dag.test()` in this process: FILE DAG_ID CONF LOGICAL_DATE; the outcome is the last line."""

from __future__ import annotations

import json
import sys
from datetime import datetime


def main(file: str, dag_id: str, conf: str, logical_date: str) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    dag = DagBag(dag_folder=file).dags[dag_id]
    when = datetime.fromisoformat(logical_date)  # and so the run's id: a second call is the same run again
    run = dag.test(run_conf=json.loads(conf), logical_date=when, run_after=when)
    with create_session() as session:
        states = {ti.task_id: {"state": str(ti.state), "try": ti.try_number} for ti in run.get_task_instances()}
        rows = session.scalars(select(XComModel).where(XComModel.run_id == run.run_id, XComModel.key == "return_value"))
        values = {row.task_id: row.value for row in rows}
    sys.stdout.write("\n" + json.dumps({"run": str(run.state), "tasks": states, "values": values}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:5])
