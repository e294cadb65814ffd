"""The processes of `kith up`: which, in which order, with which environment."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ray_tasks.services.home import HOME_VARIABLE, LOGIN, Home, Plan
from ray_tasks.services.ports import WORKERS

OBJECT_STORE_BYTES = 512 << 20  # as a Ray of our own: chips and counts only
SILENCE_S = 120  # until a task whose process died is tried again: 24 beats, so that an api-server may start meanwhile
ORPHANS_S = 60  # between looks for tasks of a scheduler that died; Airflow calls it dead after 30 s of silence
DAGS = Path(__file__).parents[2] / "dags"
POOLS = DAGS / "pools.json"
POPULATION_VARIABLE, LAKE_VARIABLE = "KITH_POPULATION", "KITH_LAKE"  # what the form proposes


@dataclass(frozen=True)
class Service:
    """One process that is started again whenever it ends.

    `whole`: what it left behind ends first, because it holds ports; other services' tasks may go on without them.
    """

    name: str
    command: tuple[str, ...]
    whole: bool = False


def environment(home: Home, plan: Plan) -> dict[str, str]:
    """Variables of all processes; nothing of another Airflow or Ray on this machine is passed on."""
    known = home.secrets()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "RAY_"))}
    connection = {
        "conn_type": "ray",
        "host": plan.near_host,
        "port": plan.ray_port,
        "password": known["ray_token"],
        "extra": {"python": sys.executable},
    }
    bin_folder = str(Path(sys.executable).parent)
    return kept | {
        HOME_VARIABLE: home.marker,
        "SPT_NOENV": "1",  # Airflow and Ray rename their processes, and would write the names over the marks
        POPULATION_VARIABLE: plan.population,
        LAKE_VARIABLE: plan.lake,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(DAGS.parent), os.environ.get("PYTHONPATH", "")])),
        "RAY_AUTH_MODE": "token" if plan.token else "disabled",
        "RAY_AUTH_TOKEN": known["ray_token"],
        "RAY_USAGE_STATS_ENABLED": "0",
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(SILENCE_S),
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": str(ORPHANS_S),
        "AIRFLOW__CORE__FERNET_KEY": known["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:ADMIN",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{plan.near_host}:{plan.airflow_port}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.airflow}/airflow.db",
        "AIRFLOW__API__HOST": plan.host,
        "AIRFLOW__API__PORT": str(plan.airflow_port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://{plan.near_host}:{plan.airflow_port}",
        "AIRFLOW__API__SECRET_KEY": known["api_secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": known["jwt_secret"],
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_RAY_DEFAULT": json.dumps(connection),
    }


def preparations() -> list[tuple[str, ...]]:
    """Commands that end: Airflow's tables and the pools that the DAGs name."""
    airflow = (sys.executable, "-m", "airflow")
    return [(*airflow, "db", "migrate"), (*airflow, "pools", "import", str(POOLS))]


def services(plan: Plan) -> list[Service]:
    """What runs, in the order of starting."""
    airflow = (sys.executable, "-m", "airflow")
    ray = (
        str(Path(sys.executable).parent / "ray"),
        "start",
        "--head",
        "--block",
        "--disable-usage-stats",
        f"--node-ip-address={plan.near_host}",
        f"--dashboard-host={plan.host}",
        f"--dashboard-port={plan.ray_port}",
        f"--metrics-export-port={plan.metrics_port}",
        f"--min-worker-port={WORKERS.start}",
        f"--max-worker-port={WORKERS.stop - 1}",
        f"--num-cpus={plan.cpus}",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--temp-dir={plan.ray_folder}",
        *(f"--{name}={port}" for name, port in plan.inner_ports.items()),
    )
    return [
        Service("ray", ray, whole=True),
        Service("api-server", (*airflow, "api-server"), whole=True),
        Service("scheduler", (*airflow, "scheduler")),
        Service("dag-processor", (*airflow, "dag-processor")),
        Service("triggerer", (*airflow, "triggerer")),
    ]
