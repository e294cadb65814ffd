"""The processes of `kith up`: which, in which order, with which environment."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ray_tasks.services.home import HOME_VARIABLE, LOGIN, Home, Plan, ServicesError
from ray_tasks.services.ports import RAY_INNER, RAY_METRICS_VARIABLES, free_ports, is_loopback

OBJECT_STORE_BYTES = 512 << 20  # as a Ray of our own: chips and counts only
SILENCE_S = 120  # until a task whose process died is tried again: 24 beats, so that an api-server may start meanwhile
ORPHANS_S = 60  # between looks for tasks of a scheduler that died; Airflow calls it dead after 30 s of silence
DAGS = Path(__file__).parents[2] / "dags"
POOLS = DAGS / "pools.json"
LOOPBACK = "127.0.0.1"  # of Ray's node, whatever address its dashboard listens on


@dataclass(frozen=True)
class Service:
    """One process that is started again whenever it ends.

    `whole`: what it left behind ends first, because it holds ports; other services' tasks may go on without them.
    `ports`, `port_variables`: options and variables that get free ports, new ones at every start: whoever took one
    in the meantime cannot keep the service down.
    """

    name: str
    command: tuple[str, ...]
    whole: bool = False
    ports: tuple[str, ...] = ()
    port_variables: tuple[str, ...] = ()

    def launch(self) -> tuple[list[str], dict[str, str]]:
        """The command and the variables of one start."""
        found = free_ports((*self.ports, *self.port_variables))
        options = [f"--{name}={found[name]}" for name in self.ports]
        return [*self.command, *options], {name: str(found[name]) for name in self.port_variables}


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
        **plan.proposals,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(DAGS.parent), os.environ.get("PYTHONPATH", "")])),
        "RAY_AUTH_MODE": "token" if plan.token else "disabled",
        "RAY_AUTH_TOKEN": known["ray_token"],
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray's default off Linux. Its node is then 127.0.0.1, where all its servers listen; otherwise it puts the
        # machine's own address in place of 127.0.0.1, and they listen everywhere.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
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
        "AIRFLOW__API__ENABLE_SWAGGER_UI": "False",
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
    """What runs, in the order of starting.

    Logs are read from the folder itself: the scheduler and the triggerer need no server for them.

    Raises
    ------
    ServicesError
        Ray would listen beyond loopback without a token.
    """
    require_token(plan.host, plan.token)
    airflow = (sys.executable, "-m", "airflow")
    ray = (
        str(Path(sys.executable).parent / "ray"),
        "start",
        "--head",
        "--block",
        "--disable-usage-stats",
        f"--node-ip-address={LOOPBACK}",
        f"--dashboard-host={plan.host}",
        f"--dashboard-port={plan.ray_port}",
        f"--metrics-export-port={plan.metrics_port}",
        "--min-worker-port=0",  # any: a range of Ray's own might hold a port that was asked for
        "--max-worker-port=0",
        f"--num-cpus={plan.cpus}",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--temp-dir={plan.ray_folder}",
    )
    return [
        Service("ray", ray, True, RAY_INNER, RAY_METRICS_VARIABLES),
        Service("api-server", (*airflow, "api-server"), whole=True),
        Service("scheduler", (*airflow, "scheduler", "--skip-serve-logs")),
        Service("dag-processor", (*airflow, "dag-processor")),
        Service("triggerer", (*airflow, "triggerer", "--skip-serve-logs")),
    ]


def require_token(host: str, token: bool) -> None:
    """Make sure that nobody can use Ray from elsewhere without its token.

    Raises
    ------
    ServicesError
        The host is no address, or it is not loopback and there is no token.
    """
    if not is_loopback(host) and not token:
        raise ServicesError(f"--host {host}: Ray does not listen beyond loopback without a token; leave out --no-token")
