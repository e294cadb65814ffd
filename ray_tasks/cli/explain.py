"""`kith explain`: why a user has this profile, or none."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from profiling.explaining import EVIDENCE_LABELS, ClusterExplanation, Explanation
from profiling.explaining.words import number, signed
from ray_tasks.cli.options import GenerationName, Json, LakeFolder, output, print_json
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake

SHOWN = 6  # clusters side by side; more do not fit a terminal
PHOTO_STATES = {"ok": "with faces", "no_face": "without faces"}
FACE_STATES = {
    "member": "in clusters",
    "noise": "like no other face",
    "duplicate": "on near-duplicates",
    "nonface": "no faces",
    "low_score": "too uncertain",
    "viral": "on pictures that many post",
}


def explain(
    lake: LakeFolder,
    user: Annotated[int, typer.Argument(help="The user's id.", show_default=False)],
    generation: GenerationName = None,
    round_number: Annotated[int | None, typer.Option("--round", min=0, help="A round; without it the last.")] = None,
    as_json: Json = False,
) -> None:
    """Why a user has this profile, or none: evidence, weights, margin, and what would have changed it."""
    from ray_tasks.explaining import Explainer

    opened = Lake.open(lake)
    found = find_generation(opened, generation)
    told = Explainer(GenerationTables(opened, found), round_number).explain(user)
    if as_json:
        print_json({"generation": found.id, **told.to_json()})
    else:
        _show(found.id, told)


def _show(generation: str, told: Explanation) -> None:
    output.print(f"user {told.user_id}, generation {generation}, round {told.round}", highlight=False)
    output.print(f"[bold]{escape(told.verdict)}[/]", highlight=False)
    for what, words in (("photos", PHOTO_STATES), ("faces", FACE_STATES)):
        counts = told.album.get(what, {})
        parts = [f"{count} {words.get(key, key.replace('_', ' '))}" for key, count in counts.items()]
        if parts:
            output.print(f"{what}: {', '.join(parts)}", highlight=False)
    if told.clusters:
        output.print(_table(told))
        _show_notes(told)
    if told.changes:
        output.print("[bold]What would have changed it[/]")
    for change in told.changes:
        output.print(f"  {escape(change.sentence)}", highlight=False)
    if told.outlook:
        output.print(f"[bold]What would have changed it[/]\n  {escape(told.outlook)}", highlight=False)


def _table(told: Explanation) -> Table:
    """Evidence as rows, the heaviest clusters as columns: value and what it adds to the weight."""
    chosen = sorted(told.clusters, key=lambda one: (one.cluster not in (told.leader, told.second), -one.weight))[:SHOWN]
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("evidence (value, and what it adds)")
    for one in chosen:
        mark = " *" if one.cluster in (told.leader, told.second) else ""
        table.add_column(f"cluster {one.cluster}{mark}", justify="right")
    table.add_row("faces, photos", *(f"{one.faces}, {one.photos}" for one in chosen))
    strength = {name: max(abs(one.contributions[name]) for one in chosen) for name in chosen[0].contributions}
    for name in sorted(strength, key=lambda name: (-strength[name], name)):
        table.add_row(EVIDENCE_LABELS.get(name, name), *(_cell(one, name) for one in chosen))
    table.add_row("a cluster average in everything", *(signed(told.intercept) for _ in chosen))
    table.add_row("[bold]weight[/]", *(f"[bold]{number(one.weight)}[/]" for one in chosen))
    return table


def _cell(one: ClusterExplanation, name: str) -> str:
    added = one.contributions[name]
    colour = "green" if added >= 0.005 else "red" if added <= -0.005 else "dim"  # what prints as 0.00 is neither
    return f"{number(one.evidence[name])} [{colour}]{signed(added):>6}[/]"


def _show_notes(told: Explanation) -> None:
    for one in told.clusters[:SHOWN]:
        if one.nearest_friend is not None:
            far = f"friend {one.nearest_friend}, {number(one.friend_distance)} eps away"
            output.print(f"cluster {one.cluster}: nearest profile is that of {far}", highlight=False)
        if one.barred:
            output.print(f"cluster {one.cluster} may not lead: {escape(one.barred)}", highlight=False)
    if len(told.clusters) > SHOWN:
        output.print(f"{len(told.clusters) - SHOWN} lighter clusters: see --json", highlight=False)
