"""What a night costs: a nightly run after 1 % of the photos changed beside a full rebuild of the same day.

    python benchmarks/bench_nightly.py [--users 300 560] [--share 0.01] [--buckets 16] [--repeats 1] [--tiny]

Of the changed photos a third is added, a third deleted, a third replaced; of the friendships the same share ends
(nightly.py). Both sides end in one generation, which is checked first: the rebuild takes the artefacts of the night's
base. Start-up (imports, Ray, the networks' weights) is left out and stands beside the seconds.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import Case, Side, Timed, options, run
from nightly import change
from real_populations import drawn_population, real_population, rows_of
from timed_build import TimedBuild, timed_build

USERS = (300, 560)  # the dev population, and one of the same kind that shows what does not grow with it
WANTED = {"kith, full rebuild": 20.0}  # a night costs 5 % at most
KEPT_STAGES = 6


@dataclass(frozen=True)
class Day:
    """A lake with yesterday's generation, and today's population."""

    base: Path
    generation: str
    today: Path
    build_options: tuple[str, ...]

    def night(self, lake: Path) -> TimedBuild:
        """The nightly run on a copy of the lake."""
        shutil.copytree(self.base, lake)
        return timed_build(self.today, lake, None, ("--nightly",))

    def rebuild(self, lake: Path) -> TimedBuild:
        """A full rebuild into a fresh lake with the same artefacts."""
        record = self.base / "generations" / f"{self.generation}.json"
        return timed_build(self.today, lake, None, (*self.build_options, "--artefacts", str(record)))


def begin(population: Path, work: Path, share: float, build_options: tuple[str, ...]) -> tuple[Day, int]:
    """Build yesterday's generation and draw what the day changes; also how many photos changed."""
    found = timed_build(population, work / "base", None, build_options)
    photos = change(population, work / "today", share)
    return Day(work / "base", found.generation, work / "today", build_options), photos


def timed(build: Callable[[Path], TimedBuild], work: Path, numbers: itertools.count[int]) -> Timed:
    """One turn of a side, in a lake of its own."""
    found = build(work / f"lake-{next(numbers)}")
    told = {"photos looked at": f"{found.photos:,}"} | found.told(KEPT_STAGES)
    return Timed(found.generation, found.seconds, told)


def same_generation(night: str, rebuild: str) -> None:
    """Raise unless both sides made the same generation, whose id tells of every input."""
    assert night == rebuild, f"{night} and {rebuild}"


def case(population: Path, work: Path, share: float, build_options: tuple[str, ...]) -> Case:
    """Night and rebuild of a population, whose yesterday is built here."""
    numbers = itertools.count()
    day, changed = begin(population.absolute(), work, share, build_options)
    users, photos = rows_of(population, "users"), rows_of(population, "photos")
    sides = [
        Side("kith, nightly", lambda: timed(day.night, work, numbers)),
        Side("kith, full rebuild", lambda: timed(day.rebuild, work, numbers)),
    ]
    name = f"{users} users, {changed} of {photos:,} photos changed"
    return Case(name, photos, "photos", sides, same_generation, WANTED, warm=False)


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__ or "", repeats=1)
    parser.add_argument("--users", type=int, nargs="+", default=USERS, help="of populations of real photos")
    parser.add_argument("--share", type=float, default=0.01, help="of photos and friendships that change")
    parser.add_argument("--buckets", type=int, default=16)
    given: argparse.Namespace = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as folder:
        work = Path(folder)
        if given.tiny:
            cases = [case(drawn_population(work / "population"), work / "tiny", given.share, ("--buckets", "4"))]
        else:
            buckets = ("--buckets", str(given.buckets))
            cases = [case(real_population(users), work / str(users), given.share, buckets) for users in given.users]
        run("nightly", "A night after 1 % of the photos changed beside a full rebuild, two cores", cases, given)


if __name__ == "__main__":
    main()
