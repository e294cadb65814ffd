"""`kith build` as a command of its own, with its seconds of work apart from its start-up, and how good it was."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profiling import evaluation
from ray_tasks.evaluating import judged
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake


@dataclass(frozen=True)
class TimedBuild:
    """One run of `kith build`.

    Parameters
    ----------
    seconds : of work: from the process's start until the build is done, less start-up. Ray's end, some two seconds
        after that, is no more counted than its start.
    start_up : seconds of imports, of Ray, its workers and the actors' weights, by name; the run's note tells them.
    stages : seconds of each stage, start-up left out.
    generation : id.
    """

    seconds: float
    start_up: dict[str, float]
    stages: dict[str, float]
    generation: str
    photos: int = 0

    def told(self, count: int = 4) -> dict[str, str]:
        """For a table: start-up and the `count` stages that took longest."""
        longest = sorted(self.stages.items(), key=lambda item: -item[1])[:count]
        return {
            "start-up": f"{sum(self.start_up.values()):.1f} s",
            **{f"{name}": f"{seconds:.1f} s" for name, seconds in longest},
        }


@functools.cache
def all_cores() -> frozenset[int]:
    """The cores that this process may use."""
    return frozenset(os.sched_getaffinity(0))


def pin(cores: Sequence[int]) -> None:
    """Keep the process that is about to start, and all that it starts, on these cores."""
    os.sched_setaffinity(0, cores)


def timed_build(
    population: Path, lake: Path, cores: Sequence[int] | None = None, options: Sequence[str] = ()
) -> TimedBuild:
    """Build on as many workers as `cores` (None = all of the machine), and keep every process on these cores."""
    chosen = sorted(all_cores()) if cores is None else list(cores)
    command = [sys.executable, "-m", "ray_tasks", "build", str(population), "--lake", str(lake), "--json"]
    command += ["--cpus", str(len(chosen)), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, preexec_fn=functools.partial(pin, chosen))
    note = Lake.open(str(lake)).notes("runs")[-1]
    stages, start_up = _read(note)
    whole = note["imports"] + note["ended"] - note["started"]
    generation = json.loads(done.stdout)["generation"]
    photos = int(note["stages"]["embed"]["done"] - note["stages"]["embed"]["before"])
    return TimedBuild(whole - sum(start_up.values()), start_up, stages, generation, photos)


def _read(note: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the stages, and of start-up by name, of a run's note."""
    start_up = {"imports": float(note["imports"])}
    stages = {}
    for name, stage in note["stages"].items():
        started = stage["start_up"]
        for what, seconds in started.items():
            start_up[what] = start_up.get(what, 0.0) + seconds
        stages[name] = stage["ended"] - stage["started"] - sum(started.values())
    return stages, start_up


@dataclass(frozen=True)
class Quality:
    """Against the truth: each share as count and of."""

    leaders: tuple[int, int]
    precision: tuple[int, int]
    coverage: tuple[int, int]

    @classmethod
    def of(cls, shares: dict[str, Any]) -> Quality:
        """From `round_shares` of profiling.evaluation."""
        names = ("leader_accuracy", "precision", "coverage")
        return cls(*((shares[name]["count"], shares[name]["of"]) for name in names))

    def told(self) -> dict[str, str]:
        """For a table."""
        shares = {"leaders": self.leaders, "precision": self.precision, "coverage": self.coverage}
        return {name: f"{count / max(1, of):.1%} of {of}" for name, (count, of) in shares.items()}


def quality_of_lake(lake: Path, generation: str, truth: Path) -> Quality:
    """Leaders, precision and coverage of a generation."""
    opened = Lake.open(str(lake))
    tables = GenerationTables(opened, find_generation(opened, generation))
    return Quality.of(evaluation.evaluate(judged(tables), evaluation.read_truth(truth)))
