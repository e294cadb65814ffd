"""`kith up` and `kith down`: Airflow and Ray on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ray_tasks.cli.options import Cpus
from ray_tasks.services.home import LOGIN, Home, Plan
from ray_tasks.services.lifecycle import PATIENCE_S, require_stopped, start, stop
from ray_tasks.services.planning import Wishes, make_plan, require_possible

output = Console()
HomeFolder = Annotated[
    Path, typer.Option("--home", envvar="KITH_SERVICES", help="Folder of the services' state, logs and passwords.")
]
DEFAULT_HOME = Path("~/.local/state/kith")
DEFAULT_CPUS = 2  # logical CPUs for work where none are named: Airflow and Ray themselves take about one


def up(
    home: HomeFolder = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback need a login and TLS.")] = (
        "127.0.0.1"
    ),
    airflow_port: Annotated[int, typer.Option(min=1, max=65535, help="Of Airflow's pages.")] = 8080,
    ray_port: Annotated[int, typer.Option(min=1, max=65535, help="Of Ray's dashboard and jobs.")] = 8265,
    metrics_port: Annotated[int, typer.Option(min=1, max=65535, help="Of Ray's metrics, for Prometheus.")] = 8090,
    population: Annotated[
        Path | None, typer.Option(help="Population that the form proposes. [default: drawn people]", show_default=False)
    ] = None,
    token: Annotated[bool, typer.Option("--token/--no-token", help="Ray asks for a token; only on loopback not.")] = (
        True
    ),
    cpus: Cpus = None,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds until all must answer; a busy machine needs more.")
    ] = PATIENCE_S,
) -> None:
    """Start Airflow and Ray on this machine, wait until they answer, and say where they are."""
    lent = cpus or min(DEFAULT_CPUS, os.cpu_count() or 1)
    wishes = Wishes(host, airflow_port, ray_port, metrics_port, population, token, lent)
    made = Home(home.expanduser())
    with made.alone():
        require_stopped(made)
        require_possible(wishes)
        plan = make_plan(made, wishes, output)
        try:
            with output.status("starting") as status:
                start(made, plan, status.update, patience)
        except BaseException:
            shutil.rmtree(plan.ray_folder, ignore_errors=True)
            raise
    for line in _where(made, plan):
        output.print(line, highlight=False, soft_wrap=True)


def down(home: HomeFolder = DEFAULT_HOME) -> None:
    """End what kith up started, and nothing else; what was built stays."""
    made = Home(home.expanduser())
    count = stop(made)
    output.print(f"{count} processes ended" if count else f"nothing runs from {made.folder}", highlight=False)


def _where(home: Home, plan: Plan) -> list[str]:
    password = home.tell_once()
    return [
        *(f"{name:<11}{url}" for name, url in plan.urls.items()),
        f"{'login':<11}{LOGIN}, password {password or f'in {home.passwords}'}",
        f"{'Ray token':<11}in {home.folder / 'secrets.json'}",
        f"{'population':<11}{plan.population}",
        f"{'lake':<11}{plan.lake}",
        f"{'logs':<11}{home.logs}",
        "next: in Airflow open the DAG Rebuild all profiles and press Trigger; kith down ends all of it",
    ]
