"""`kith status`, `report` and `evaluate`: look at a lake without changing its profiles."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from profiling.errors import LakeError
from ray_tasks.cli.options import (
    Cpus,
    GenerationName,
    Json,
    LakeFolder,
    RayAddress,
    console,
    output,
    print_json,
)
from ray_tasks.generations import find_generation, generations
from ray_tasks.lake import Lake
from ray_tasks.lock import current_holder
from ray_tasks.partitioning.previous import last_partition
from ray_tasks.ray_session import RaySession
from ray_tasks.shown import USUAL
from ray_tasks.stages.partition import add_counts


def status(lake: LakeFolder, as_json: Json = False) -> None:
    """How far the running or last build is: per stage what is done, how fast, and the reasons so far."""
    opened = Lake.open(lake)
    runs = [note for note in opened.notes("runs") if note["command"].startswith("build")]
    last = runs[-1] if runs else None
    _, holder = current_holder(opened)
    if last is not None and last["state"] == "running" and holder is None:
        last["state"] = "killed"
    reasons = photo_reasons(opened)
    found = {
        "lake": str(opened.folder),
        "buckets": opened.buckets,
        "writer": None if holder is None else {"command": holder.command, "pid": holder.pid, "host": holder.host},
        "run": last,
        "difference": newest_difference(opened),
        "photos_by_reason": reasons,
        "generations": [generation.id for generation in generations(opened)],
    }
    if as_json:
        print_json(found)
    else:
        _show_status(found)


def photo_reasons(lake: Lake) -> dict[str, int]:
    """Photos looked at so far in this lake, by reason, over the face key that was written last."""
    newest: dict[str, float] = {}
    reasons: dict[str, Counter[str]] = {}
    for folder in (lake.folder / "manifests").glob("embed-*"):
        counted = reasons.setdefault(folder.name, Counter())
        for bucket in range(lake.buckets):
            for manifest in lake.results(folder.name, bucket):
                counted.update(manifest.counts["reasons"])
                newest[folder.name] = max(newest.get(folder.name, 0.0), manifest.created)
    return dict(reasons[max(newest, key=lambda name: newest[name])]) if newest else {}


def newest_difference(lake: Lake) -> dict[str, int]:
    """How the newest snapshot differs from the one before: what was added, changed and is gone; empty for the first."""
    manifests = last_partition(lake, "") or []
    return dict(add_counts([manifest.counts for manifest in manifests]).get("difference", {}))


def _show_status(found: dict[str, Any]) -> None:
    run, writer = found["run"], found["writer"]
    output.print(f"lake {found['lake']}, {found['buckets']} buckets", highlight=False)
    if writer:
        output.print(f"written by {writer['command']} (process {writer['pid']})", highlight=False)
    if run is None:
        output.print("no build yet; begin with kith build POPULATION --lake LAKE")
        return
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run["started"]))
    output.print(f"{run['command']}, begun {started}: {run['state']}", highlight=False)
    table = Table(show_edge=False, pad_edge=False)
    for name in ("stage", "done", "of", "", "rate", "users"):
        table.add_column(name, justify="right" if name in ("done", "of", "rate") else "left")
    for name, stage in run.get("stages", {}).items():
        rate = f"{stage['rate']:,.1f}/s" if stage["rate"] else ""
        done = stage["done"] + stage.get("under_way", 0)
        table.add_row(name, f"{done:,}", f"{stage['total']:,}", stage["unit"], rate, _users(stage.get("users", {})))
    output.print(table)
    changes = [f"{count:,} {name.replace('_', ' ')}" for name, count in found["difference"].items() if count]
    if changes:
        output.print(f"since the snapshot before: {', '.join(changes)}", highlight=False)
    for reason, count in sorted(found["photos_by_reason"].items(), key=lambda item: -item[1]):
        output.print(f"{count:>9,} photos: {reason}", highlight=False)
    for generation in found["generations"][-3:]:
        output.print(f"generation {generation}", highlight=False)


def _users(counts: dict[str, int]) -> str:
    """What became of a round's users, as words."""
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))


def evaluate(
    lake: LakeFolder,
    truth: Annotated[Path, typer.Option(help="The truth folder; its parent is the population.", show_default=False)],
    split: Annotated[str, typer.Option(help="Users of train, test or all.")] = "all",
    generation: GenerationName = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    as_json: Json = False,
) -> None:
    """Judge a generation against the truth of its population."""
    from ray_tasks.evaluating import evaluate_generation

    opened = Lake.open(lake)
    with RaySession(ray, cpus) as session:
        found = evaluate_generation(opened, find_generation(opened, generation), truth, split, session, console)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        if isinstance(value, dict) and "value" in value:
            output.print(f"{name:<26}{_share(value)}", highlight=False)
        elif isinstance(value, int | str):
            output.print(f"{name:<26}{value}", highlight=False)
    for each in found["rounds"]:
        shares = ", ".join(f"{key} {_share(each[key])}" for key in ("leader_accuracy", "coverage", "precision"))
        output.print(f"round {each['round']}: {shares}", highlight=False)


def _share(value: dict[str, Any]) -> str:
    if value["value"] is None:
        return "-"
    low, high = value["interval"]
    return f"{value['value']:.4f} ({value['count']} of {value['of']}, 95 % {low:.3f} to {high:.3f})"


def report(
    lake: LakeFolder,
    out: Annotated[Path | None, typer.Option(help="The HTML file. [default: report.html in the lake, or here]")] = None,
    user: Annotated[list[int] | None, typer.Option(help="A user to show; may be repeated.")] = None,
    users: Annotated[int, typer.Option(min=0, max=100, help="Users to show when none is named.")] = 8,
    truth: Annotated[Path | None, typer.Option(help="The truth folder: marks what is right and wrong.")] = None,
    generation: GenerationName = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
) -> None:
    """Write the report of a generation: one HTML file without outside links."""
    from profiling.evaluation import read_truth
    from ray_tasks.evaluating import evaluate_generation
    from ray_tasks.reporting import write_report

    opened = Lake.open(lake)
    found = find_generation(opened, generation)
    path = out or (opened.folder if isinstance(opened.folder, Path) else Path()) / USUAL
    known, judged = None, None
    if truth is not None:
        known = read_truth(truth)
        with RaySession(ray, cpus) as session:
            judged = evaluate_generation(opened, found, truth, "all", session, console)
    try:
        write_report(opened, found, path, user or None, users, judged, known)
    except OSError as error:
        raise LakeError(f"{path}: cannot be written ({error.strerror}); choose another file with --out") from None
    output.print(f"report: {path.absolute()}", highlight=False)
