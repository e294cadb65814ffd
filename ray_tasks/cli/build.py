"""`kith build`: all stages over a population."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from ray_tasks.cli.options import (
    Changes,
    Cpus,
    Json,
    RayAddress,
    SettingsFile,
    console,
    output,
    print_json,
    read_settings,
)
from ray_tasks.stops import LAST, PLAN, ROUND, STAGES, Stop

NAMES = (*STAGES, f"{ROUND}0, …", *LAST)


def build(
    population: Annotated[str, typer.Argument(help="The population folder.", show_default=False)],
    lake: Annotated[str, typer.Option(help="A folder or s3://BUCKET/FOLDER; made when not there.", show_default=False)],
    model: Annotated[str | None, typer.Option(help="Embedding network; see kith models list. [default: dlib]")] = None,
    rounds: Annotated[int | None, typer.Option(min=0, help="Rounds after round 0, at most. [default: 4]")] = None,
    photos_per_user: Annotated[int | None, typer.Option(min=1, help="Photos a user. [default: 100]")] = None,
    users: Annotated[str, typer.Option(help="Select photos anew of all, unresolved, ids, or a file of ids.")] = "all",
    base: Annotated[str, typer.Option(help="Generation whose selection other users keep. [default: the newest]")] = "",
    buckets: Annotated[int | None, typer.Option(help="Of a new lake: a power of two. [default: 16]")] = None,
    name: Annotated[str, typer.Option(help="A name for the generation.")] = "",
    retry_failed: Annotated[bool, typer.Option(help="Look again at photos that could not be read.")] = False,
    until: Annotated[str | None, typer.Option(help=f"Stop after a stage: {', '.join(NAMES)}.")] = None,
    partition: Annotated[str, typer.Option(help="Build on this partition of the lake, whatever changed since.")] = "",
    nightly: Annotated[
        bool, typer.Option(help="Go on from the newest generation: its settings and artefacts, unless told otherwise.")
    ] = False,
    artefacts: Annotated[
        str, typer.Option(help="Use those of a generation: its id, or OTHER_LAKE/generations/ID.json.")
    ] = "",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait while another command writes the lake.")] = 0.0,
    dry_run: Annotated[bool, typer.Option(help="Stop after select, and count the photos to look at.")] = False,
    settings: SettingsFile = None,
    change: Changes = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    as_json: Json = False,
) -> None:
    """Make profiles of a population: all stages, resuming what an earlier run began."""
    from ray_tasks.frozen import nightly_base

    followed = nightly_base(lake, artefacts, model) if nightly else None
    chosen = read_settings(
        settings,
        change,
        None if followed is None else followed.settings,
        embedding__model=model,
        scoring__rounds=rounds,
        selection__photos_per_user=photos_per_user,
    )
    from ray_tasks.build import build_until, summary
    from ray_tasks.lake import Lake
    from ray_tasks.ray_session import RaySession
    from ray_tasks.user_choice import UserChoice

    choice = UserChoice.parse(users, base)
    stop = Stop(PLAN) if dry_run else Stop.parse(until or LAST[-1], chosen.scoring.rounds)
    with RaySession(ray, cpus) as session:
        opened = Lake.create(lake, buckets)
        about = (stop, population, opened, chosen, session, console, name, retry_failed)
        frozen = artefacts or ("" if followed is None else followed.id)
        end = build_until(*about, partition=partition, artefacts=frozen, patience_s=wait, choice=choice)
    generation = end.generation
    if as_json:
        print_json({"stage": end.stage} | (end.told if generation is None else summary(generation)))
    elif generation is None:
        output.print(f"{end.stage}: {_in_words(end.told)}", highlight=False)
    else:
        show_audit(generation.id, generation.audit)


def _in_words(told: dict[str, Any]) -> str:
    """Counts on one line; what is nested stands in the JSON."""
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in told.items() if not isinstance(value, dict))


def show_audit(title: str, audit: dict[str, Any]) -> None:
    """Print users by reason, the rounds and the gates."""
    users = Table(title=f"generation {title}", title_justify="left", show_edge=False, pad_edge=False)
    users.add_column("users", justify="right")
    users.add_column("")
    for reason, count in sorted(audit["users_by_reason"].items(), key=lambda item: -item[1]):
        users.add_row(f"{count:,}", "with a profile" if reason == "ok" else reason.replace("_", " "))
    output.print(users)
    for each in audit["rounds"]:
        margin = f", margin {each['margin']:g}" if "margin" in each else ""
        told = f"round {each['round']}: {each['profiles']:,} profiles, {each['moved']:,} moved{margin}"
        output.print(told, highlight=False)
    for gate in audit["gates"]:
        state = "[green]passed[/]" if gate["passed"] else "[red]FAILED[/]"
        value = "nothing to judge" if gate["value"] is None else f"{gate['value']:.4g}"
        detail = f"; {gate['detail']}" if gate["detail"] else ""
        rule = f"{gate['rule']} {gate['limit']:.4g}"
        output.print(f"gate {gate['name']}: {state} ({value}, {rule}{detail})", highlight=False)
        if not gate["passed"]:
            output.print(f"  {gate['meaning']}; {gate['advice']}", highlight=False)
