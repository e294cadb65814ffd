"""`kith up` and `kith down`: Airflow and Ray on this machine."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from profiling.demo import draw_population
from ray_tasks.cli.options import Cpus
from ray_tasks.services.home import LOGIN, Home, Plan, ServicesError
from ray_tasks.services.lifecycle import PATIENCE_S, start, stop
from ray_tasks.services.ports import free_ports, is_loopback, require_free

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
    ] = (PATIENCE_S),
) -> None:
    """Start Airflow and Ray on this machine, wait until they answer, and say where they are."""
    if not is_loopback(host) and not token:
        raise ServicesError(f"--host {host}: Ray does not listen beyond loopback without a token; leave out --no-token")
    made = Home(home.expanduser())
    fresh = not (made.folder / "secrets.json").exists()
    require_free(host, {"airflow-port": airflow_port, "ray-port": ray_port, "metrics-port": metrics_port})
    place = _population(made, population)
    plan = Plan(
        host=host,
        airflow_port=airflow_port,
        ray_port=ray_port,
        metrics_port=metrics_port,
        inner_ports=free_ports(),
        cpus=cpus or min(DEFAULT_CPUS, os.cpu_count() or 1),
        ray_folder=tempfile.mkdtemp(prefix="kr-"),
        population=str(place),
        lake=str(made.folder / "lake"),
        token=token,
    )
    try:
        with output.status("starting") as status:
            start(made, plan, status.update, patience)
    except BaseException:
        shutil.rmtree(plan.ray_folder, ignore_errors=True)
        raise
    for name, url in plan.urls.items():
        output.print(f"{name:<8} {url}", highlight=False, soft_wrap=True)
    if fresh:  # once; afterwards it is in the file
        output.print(f"login    {LOGIN}, password {made.secrets()['password']}", highlight=False, soft_wrap=True)
    output.print(
        f"Airflow's password is in {made.passwords}, Ray's token in {made.folder / 'secrets.json'}\n"
        f"population {plan.population}\nlake     {plan.lake}\nlogs     {made.logs}\nkith down ends all of it",
        highlight=False,
        soft_wrap=True,
    )


def down(home: HomeFolder = DEFAULT_HOME) -> None:
    """End what kith up started, and nothing else; what was built stays."""
    made = Home(home.expanduser())
    count = stop(made)
    output.print(f"{count} processes ended" if count else f"nothing runs from {made.folder}", highlight=False)


def _population(home: Home, population: Path | None) -> Path:
    """The population named, or drawn people, drawn once."""
    if population is not None:
        if not (population / "users.parquet").is_file():
            raise ServicesError(f"{population}: holds no users.parquet; name a population folder, or leave it out")
        return population.absolute()
    folder = home.folder / "population"
    if not (folder / "drawn.json").exists():
        with output.status("drawing people"):
            counts = draw_population(folder)
        (folder / "drawn.json").write_text(json.dumps(counts))
    return folder
