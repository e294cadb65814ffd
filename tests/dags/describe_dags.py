"""Parse all DAG files as Airflow does and print what came of it as JSON, in the last line: FOLDER."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

HEAVY = ("torch", "numpy", "pandas", "sklearn", "ray", "pyarrow")


def main(folder: str) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG, Param
    from airflow.serialization.serialized_objects import DagSerialization

    assert DAG
    assert Param
    before = set(sys.modules)
    began = time.process_time()
    bag = DagBag(dag_folder=folder)
    seconds = time.process_time() - began
    heavy = sorted({name.partition(".")[0] for name in set(sys.modules) - before} & set(HEAVY))
    dags = {}
    for dag_id, dag in bag.dags.items():
        DagSerialization.serialize_dag(dag)
        dags[dag_id] = {
            "doc": dag.doc_md or "",
            "tags": sorted(dag.tags),
            "max_active_runs": dag.max_active_runs,
            "schedule": getattr(getattr(dag.timetable, "timetable", dag.timetable), "expression", ""),
            "assets": _assets(dag.timetable.asset_condition),
            "params": {name: _field(dag.params.get_param(name)) for name in dag.params},
            "tasks": {
                task.task_id: {
                    "owner": task.owner,
                    "retries": task.retries,
                    "pool": task.pool,
                    "callbacks": [each.__name__ for each in _listed(task.on_failure_callback)],
                    "outlets": [asset.name for asset in task.outlets],
                    "timeout": bool(task.execution_timeout),
                    "upstream": sorted(task.upstream_task_ids),
                    "arguments": getattr(task, "arguments", []),
                }
                for task in dag.tasks
            },
        }
    result = {"errors": bag.import_errors, "files": len(bag.dagbag_stats), "seconds": seconds, "heavy": heavy}
    sys.stdout.write("\n" + json.dumps(result | {"dags": dags}) + "\n")


def _assets(condition: Any) -> list[str]:
    each = getattr(condition, "objects", [condition])
    return sorted(asset.name for asset in each if asset is not None)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _field(param: Any) -> dict[str, Any]:
    value = param.value if isinstance(param.value, str | int | float | bool | None) else None
    return {"value": value, "description": param.description, "schema": param.schema}


if __name__ == "__main__":
    main(sys.argv[1])
