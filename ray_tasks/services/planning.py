"""From what a person asks for to a plan: checks first, then a population and the folders that a start needs."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from profiling.demo import DEMO_SETTINGS
from profiling.small_files import replace
from ray_tasks.demonstration import draw_once
from ray_tasks.services.commands import require_token
from ray_tasks.services.home import Home, Plan, ServicesError
from ray_tasks.services.ports import require_ports


@dataclass(frozen=True)
class Wishes:
    """What `kith up` was told: `population` None = drawn people, `cpus` = logical CPUs that Ray lends to work."""

    host: str
    airflow_port: int
    ray_port: int
    metrics_port: int
    population: Path | None
    token: bool
    cpus: int


def require_possible(wishes: Wishes) -> None:
    """Refuse what cannot or must not be started, before anything is.

    Raises
    ------
    ServicesError
        Ray would listen beyond loopback without a token, a port is taken, or the population is none.
    """
    require_token(wishes.host, wishes.token)
    require_ports(wishes.host, wishes.airflow_port, wishes.ray_port, wishes.metrics_port)
    ports = [wishes.airflow_port, wishes.ray_port, wishes.metrics_port]
    if len(set(ports)) < len(ports):
        twice = next(port for port in ports if ports.count(port) > 1)
        raise ServicesError(f"port {twice} is given to two services; choose another for one of them")
    if wishes.population is not None and not _is_population(wishes.population):
        raise ServicesError(f"{wishes.population}: holds no users table; name a population folder, or leave it out")


def make_plan(home: Home, wishes: Wishes, console: Console) -> Plan:
    """A plan with a population to propose; people are drawn where none was named, once a home."""
    population, settings = home.folder / "population", ""
    if wishes.population is None:
        draw_once(population, console)
        settings = str(_demo_settings(home))
    else:
        population = wishes.population.absolute()
    return Plan(
        host=wishes.host,
        airflow_port=wishes.airflow_port,
        ray_port=wishes.ray_port,
        metrics_port=wishes.metrics_port,
        cpus=wishes.cpus,
        ray_folder=tempfile.mkdtemp(prefix="kr-"),  # short: the path of a socket has 107 characters
        population=str(population),
        lake=str(home.folder / "lake"),
        store=f"arrow://{home.folder / 'store'}",
        settings=settings,
        token=wishes.token,
    )


def _is_population(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("users.parquet", "users"))


def _demo_settings(home: Home) -> Path:
    """What drawn people need to be told apart, as a settings file that the form can propose."""
    lines = ["# For drawn people only: they are more alike than real ones."]
    for section, values in DEMO_SETTINGS.items():
        lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    path = home.folder / "drawn-people.toml"
    replace(path, ("\n".join(lines) + "\n").encode())
    return path
