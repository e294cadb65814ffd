"""The demo: drawn people, built by the very same stages, judged, and shown."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from profiling.demo import DEMO_SETTINGS, draw_population
from profiling.errors import LakeError
from profiling.evaluation import read_truth
from profiling.settings import Settings
from profiling.small_files import create_exclusively
from ray_tasks.build import build
from ray_tasks.evaluating import evaluate_generation
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.reporting import write_report

DRAWN = "drawn.json"  # written last: a population without it is drawn again
BUCKETS = 4  # 18 users: fewer, larger pieces than a real lake's
SHOWN_USERS = 12  # in the report


def demonstrate(folder: Path, console: Console, cpus: int | None, address: str | None) -> dict[str, Any]:
    """Draw, build, judge and show; what is there already is not done again.

    Returns
    -------
    generation, population, lake, report (paths), metrics of the evaluation, and `lines` for people.
    """
    started = time.monotonic()
    population, lake_folder, page = folder / "population", folder / "lake", folder / "report.html"
    draw_once(population, console)
    lake = Lake.create(lake_folder, BUCKETS)
    with RaySession(address, cpus) as session:
        generation = build(population, lake, Settings.model_validate(DEMO_SETTINGS), session, console, name="demo")
        metrics = evaluate_generation(lake, generation, population / "truth", "all", session, console)
    write_report(lake, generation, page, None, SHOWN_USERS, metrics, read_truth(population / "truth"))
    found = {
        "generation": generation.id,
        "population": str(population),
        "lake": str(lake_folder),
        "report": str(page),
        "seconds": round(time.monotonic() - started, 1),
        "metrics": metrics,
    }
    return found | {"lines": _lines(found, generation, metrics)}


def draw_once(population: Path, console: Console) -> None:
    """Draw people into a population folder, unless they were drawn there already.

    Raises
    ------
    LakeError
        The folder cannot be made.
    """
    if (population / DRAWN).exists():
        return
    try:
        population.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LakeError(f"{population}: cannot be made ({error.strerror}); choose another --folder") from None
    with console.status("drawing people"):
        counts = draw_population(population)
    create_exclusively(population / DRAWN, json.dumps(counts).encode())


def _lines(found: dict[str, Any], generation: Generation, metrics: dict[str, Any]) -> list[str]:
    reasons = generation.audit["users_by_reason"]
    others = [f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(reasons.items()) if reason != "ok"]
    shown = ("coverage", "precision", "leader_accuracy", "baseline_largest_cluster", "face_recall", "cluster_purity")
    return [
        f"{reasons.get('ok', 0)} of {sum(reasons.values())} drawn users have a profile, {', '.join(others)}",
        *(f"  {name.replace('_', ' '):<26}{_percent(metrics[name])}" for name in shown),
        "  (people drawn by code: these numbers say nothing about photos)",
        f"report: {found['report']}",
        f"{found['seconds']:.0f} s",
    ]


def _percent(share: dict[str, Any]) -> str:
    if share["value"] is None:
        return "-"
    return f"{100 * share['value']:5.1f} %  ({share['count']} of {share['of']})"
