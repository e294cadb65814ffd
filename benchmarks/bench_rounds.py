"""The score stage over a simulated network: users a second and core, bytes, memory, and whether the leaders are right.

    python benchmarks/bench_rounds.py [--users 100000 1000000] [--folder FOLDER] [--tiny]

What runs is the stage itself (`ray_tasks.stages.score.run_rounds`): tables read from the lake's Parquet, friends'
profiles gathered from the last round's rows, tables and rows written; job after job in one process on one thread, as a
worker of a cluster runs them. Rounds are timed by the processor time of the process, so that other work on the machine
does not count, and by the clock beside it. The population is simulator.py's: friends spread over all buckets. Kinds of
rounds:

- *full*: nothing to copy from.
- *cold*: a full one whose row files are dropped from the page cache before every bucket (POSIX_FADV_DONTNEED), as where
  they are larger than the cache: each bucket reads them from the disk again.
- *1 % changed*: the rounds again after 1 % of the users got another photo, with the first generation to copy from.
- *nothing changed*: the same with no change.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from harness import keep
from rich.console import Console
from simulator import Simulation

from profiling.settings import load_settings
from ray_tasks.jobs import BucketJob, run_job
from ray_tasks.lake import Lake, Manifest
from ray_tasks.progress import RunProgress
from ray_tasks.rows import rows_path
from ray_tasks.stages.context import BuildContext, Manifests
from ray_tasks.stages.score import run_rounds, scorer_used

WANTED = 10_000  # users a second and core
USERS_A_BUCKET = 15_625  # as many as 128 to 512 MB of faces are: 1 million users in 64 buckets
CHANGED = 0.01
SAMPLE_S = 0.02
MIB, GIB = 1 << 20, 1 << 30
FRIENDS_FILES = ("profiles", "profile-digests")


class InProcess:
    """Runs jobs as a worker of a cluster would, one after the other; `before` is called before each."""

    def __init__(self, before: Callable[[BucketJob], None]) -> None:
        self._before = before

    def ray(self) -> None:
        """None is needed."""

    def wake(self, jobs: Sequence[BucketJob]) -> None:
        """Nobody sleeps."""

    def run(self, lake: Lake, jobs: Sequence[BucketJob], done: Callable[[Manifest], None]) -> Manifests:
        """What `RaySession.run` gives."""
        found = {}
        for job in jobs:
            self._before(job)
            found[job.bucket] = run_job(lake, job)
            done(found[job.bucket])
        return found


@dataclass
class Meter:
    """Processor time, clock, bytes of system calls and page faults, and the peak of private memory, of a block."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    read: int = 0
    written: int = 0
    disk: int = 0
    private: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def on(self) -> Iterator[Meter]:
        """Measure the block."""
        watch = threading.Thread(target=self._watch, daemon=True)
        before, cpu, wall = _moved(), time.process_time(), time.perf_counter()
        watch.start()
        try:
            yield self
        finally:
            self.cpu_s, self.wall_s = time.process_time() - cpu, time.perf_counter() - wall
            self._stop.set()
            watch.join()
            after = _moved()
            self.read, self.written, self.disk = (after[k] - before[k] for k in ("rchar", "wchar", "read_bytes"))

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self.private = max(self.private, _private())


def _moved() -> dict[str, int]:
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}


def _private() -> int:
    """Anonymous memory of this process, bytes: the mapped row files, which all processes share, are not in it."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) * 1024


def drop(lake: Lake, rows: str | None) -> None:
    """Drop the row files of a round from the page cache."""
    for name in FRIENDS_FILES if rows else ():
        with Path(str(rows_path(lake, name, str(rows)))).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@dataclass(frozen=True)
class Rounds:
    """The rounds of an earlier generation, as `ray_tasks.base.Base` tells of them."""

    manifests: Sequence[Manifests]

    def results(self, stage: str, bucket: int) -> list[Manifest]:
        """What a round's bucket may copy from."""
        number = int(stage.removeprefix("score-"))
        return [each[bucket] for each in self.manifests[number : number + 1]]


@dataclass(frozen=True)
class Outcome:
    """One round: its meter, and what the stage says of it."""

    meter: Meter
    round: Any


def rounds_of(
    simulation: Simulation, inputs: dict[str, Manifests], base: Sequence[Manifests], rounds: int, cold: bool = False
) -> tuple[list[Outcome], list[Manifests]]:
    """Run rounds 0 to `rounds` of a generation from nothing; each one's outcome and manifests."""
    lake = Lake.open(simulation.lake.folder)
    settings = load_settings(changes={"scoring.rounds": str(rounds), "scoring.moved_share": "0"})
    session = InProcess(lambda job: drop(lake, job.arguments["rows"]) if cold else None)
    context = BuildContext(lake, "", settings, session, RunProgress(lake, "benchmark"), manifests=dict(inputs))  # type: ignore[arg-type]
    context.base = Rounds(base)  # type: ignore[assignment]
    running, found = run_rounds(context, scorer_used(context)), []
    while True:
        meter = Meter()
        with meter.on():
            made = next(running, None)
        if made is None:
            break
        found.append(Outcome(meter, made))
    return found, [context.manifests[f"score-{outcome.round.number}"] for outcome in found]


def forget_rounds(simulation: Simulation) -> None:
    """Delete what rounds wrote, so that the next ones find nothing done."""
    folder = Path(str(simulation.lake.folder))
    for stage in (folder / "data", folder / "manifests"):
        for path in stage.glob("score-*"):
            shutil.rmtree(path)
    shutil.rmtree(folder / "rows", ignore_errors=True)


def right_leaders(simulation: Simulation, manifests: Manifests) -> tuple[float, float]:
    """Share of the users with a cluster of their own who lead with it, and of the leaders that are the owner's."""
    truth = simulation.truth()
    tables = [simulation.lake.read(manifest, "profiles", ["leader"]) for manifest in manifests.values()]
    leader = np.concatenate([table["leader"].to_numpy() for table in tables])
    right = (leader == truth) & (leader >= 0)
    return float(right.sum() / (truth >= 0).sum()), float(right.sum() / max(1, (leader >= 0).sum()))


def measure(simulation: Simulation, console: Console, cold: bool) -> list[dict[str, Any]]:
    """Rows of the results for one size."""
    inputs, rows = simulation.write(), []
    changed = inputs | {"cluster": simulation.change(CHANGED)}
    size = f"{simulation.users:,} users"

    def note(kind: str, outcome: Outcome, **more: Any) -> None:
        made, meter, number = outcome.round, outcome.meter, simulation.users
        rows.append({
            "case": f"{size}, {kind}", "side": "kith", "median_s": round(meter.cpu_s, 3), "spread": 0.0,
            "units": number, "unit": "users", "ratio": None, "wanted": None,
            "wall_s": round(meter.wall_s, 3), "scored": made.scored, "moved": made.moved,
            "read_bytes": meter.read, "written_bytes": meter.written, "disk_bytes": meter.disk,
            "gathered_bytes": more.pop("gathered", 0), "private_mib": round(meter.private / MIB), **more,
        })  # fmt: skip
        console.print(f"{rows[-1]['case']}: {number / meter.cpu_s:,.0f} users/s/core, {made.scored:,} scored, "
                      f"{number / meter.wall_s:,.0f} users/s by the clock, {meter.private / MIB:,.0f} MiB private, "
                      f"{more or ''}", highlight=False)  # fmt: skip

    forget_rounds(simulation)
    first, base = rounds_of(simulation, inputs, (), 1)
    share, precision = right_leaders(simulation, base[-1])
    row = np.dtype(np.float16).itemsize * 128
    edges = sum(int(manifest.counts["friends"]) for manifest in inputs["partition"].values())
    for outcome in first[:2]:
        note(f"round {outcome.round.number}, full", outcome, gathered=row * edges * (outcome.round.number > 0))
    rows[-1] |= {"right_leaders": round(share, 4), "precision": round(precision, 4)}
    console.print(f"{size}: {share:.2%} of owners lead, {precision:.2%} of leaders are the owner", highlight=False)
    again, _ = rounds_of(simulation, changed, base, 1)
    for outcome in again[:2]:
        note(f"round {outcome.round.number}, 1 % changed", outcome)
    _forget_one(simulation, base)
    same, _ = rounds_of(simulation, inputs, base, 1)
    note("round 1, nothing changed", same[1])
    if cold:
        forget_rounds(simulation)
        dropped, _ = rounds_of(simulation, inputs, (), 1, cold=True)
        note("round 1, full, cold", dropped[1])
    return rows


def fact(row: dict[str, Any]) -> str:
    """A line about what is no rate: who was scored, bytes, memory."""
    parts = [
        f"{row['case']}: {row['scored']:,} scored, {row['moved']:,} moved",
        f"{row['read_bytes'] / GIB:.2f} GiB read and {row['written_bytes'] / GIB:.2f} GiB written by calls",
        f"{row['disk_bytes'] / GIB:.2f} GiB from the disk",
        f"at most {row['private_mib']:,} MiB private",
        f"{row['units'] / row['wall_s']:,.0f} users/s by the clock",
    ]
    if row["gathered_bytes"]:
        parts.insert(1, f"{row['gathered_bytes'] / GIB:.1f} GiB of friends' profiles gathered")
    if "right_leaders" in row:
        parts.append(f"{row['right_leaders']:.2%} of the owners lead, {row['precision']:.2%} of the leaders are owners")
    return ", ".join(parts)


def _forget_one(simulation: Simulation, base: Sequence[Manifests]) -> None:
    """Delete the manifests of a generation's rounds, but not their tables, which are copied from."""
    for each in base:
        for manifest in each.values():
            simulation.lake._manifest_path(manifest.stage, manifest.bucket, manifest.fingerprint).unlink()


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent.parent / "build" / "simulated")
    parser.add_argument("--tiny", action="store_true", help="a size that shows that it runs; nothing is kept")
    parser.add_argument("--dry", action="store_true", help="print, keep nothing")
    parser.add_argument("--cold", action="store_true", help="measure with the row files dropped from the cache too")
    given = parser.parse_args()
    console, rows = Console(width=150), []
    for users in [2_000] if given.tiny else given.users:
        buckets = 1 << max(1, round(np.log2(users / USERS_A_BUCKET)))
        simulation = Simulation(given.folder / str(users), users, buckets)
        rows += measure(simulation, console, given.cold)
    if not (given.tiny or given.dry):
        keep(
            "rounds",
            "Rounds: the score stage over a simulated network, one thread, processor time",
            rows,
            [fact(row) for row in rows],
        )


if __name__ == "__main__":
    main()
