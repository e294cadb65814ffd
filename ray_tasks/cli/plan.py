"""`kith plan`: hours, nodes, bytes and the bottleneck of a build, before anybody buys a machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from profiling.errors import SettingsError
from profiling.planning import Plan, Work, make_plan, read_changes
from ray_tasks.cli.options import Json, output, print_json


def plan(
    users: Annotated[str, typer.Option(help="Members of the network, such as 330e6.")] = "330e6",
    photos_per_user: Annotated[str, typer.Option(help="Selected photos a user, mean; OK.ru used 26.")] = "26",
    photos_per_day: Annotated[str, typer.Option(help="Photos a day that the nodes must reach.")] = "1e9",
    nodes: Annotated[str | None, typer.Option(help="Nodes there are; without it as many as that needs.")] = None,
    cores: Annotated[str, typer.Option(help="Cores of a node.")] = "16",
    gpus: Annotated[str, typer.Option(help="GPUs of a node; 0 = CPUs only.")] = "0",
    rounds: Annotated[str, typer.Option(help="Rounds after round 0.")] = "4",
    assume: Annotated[list[str] | None, typer.Option(help="One assumption: name=value; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Hours, nodes, bytes and the bottleneck of a build, from what its parts cost; every assumption is named."""
    work = Work(
        users=_number("users", users),
        photos_per_user=_number("photos-per-user", photos_per_user),
        rounds=_whole("rounds", rounds),
        cores=_whole("cores", cores),
        gpus=_whole("gpus", gpus),
        photos_per_day=_number("photos-per-day", photos_per_day),
    )
    there = None if nodes is None else _whole("nodes", nodes)
    if there is not None and there < 1:
        raise SettingsError(f"--nodes {nodes}: give 1 or more")
    found = make_plan(work, read_changes(assume or []), there)
    if as_json:
        print_json(found.to_json())
    else:
        _show(found)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"--{name} {text}: is no number; write for example 330e6") from None


def _whole(name: str, text: str) -> int:
    value = _number(name, text)
    if not value.is_integer():
        raise SettingsError(f"--{name} {text}: give a whole number")
    return int(value)


def _show(found: Plan) -> None:
    work = found.work
    kind = _count(work.cores, "core") + (f" and {_count(work.gpus, 'GPU')}" if work.gpus else "")
    output.print(
        f"{work.users:,.0f} users with {work.photos_per_user:g} photos each: {work.photos:,.0f} photos on "
        f"{_count(found.nodes, 'node')} of {kind}: {in_time(found.hours)}",
        highlight=False,
    )
    table = Table(show_edge=False, pad_edge=False)
    for name in ("stage", "core-hours", "GPU-hours", "read", "written", "time", "bound by"):
        table.add_column(name, justify="left" if name in ("stage", "bound by") else "right")
    for stage in found.stages:
        spent = [f"{seconds / 3600:,.0f}" for seconds in (stage.core_s, stage.gpu_s)]
        moved = [in_bytes(stage.read_bytes), in_bytes(stage.written_bytes)]
        table.add_row(stage.name, *spent, *moved, in_time(stage.hours), stage.bound)
    output.print(table)
    output.print(f"bottleneck: {found.bottleneck}", highlight=False)
    output.print(f"lake {in_bytes(found.lake_bytes)}, profile store {in_bytes(found.store_bytes)}", highlight=False)
    output.print("\nassumptions (change one with --assume name=value):", highlight=False)
    for part in found.assumptions:
        trust, source = ("given", "--assume") if part.name in found.changed else (part.kind, part.source)
        output.print(f"  {part.name} = {part.value:g} {part.unit} ({trust}): {source}", highlight=False)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def in_time(hours: float) -> str:
    """A duration for people."""
    if hours < 1:
        return f"{hours * 3600:,.1f} s"
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"


def in_bytes(count: float) -> str:
    """Bytes for people, in powers of 1,000."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} PB"
