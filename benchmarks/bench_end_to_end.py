"""From photos to profiles: `kith build` beside the naive script, two workers beside one, on real photos.

    python benchmarks/bench_end_to_end.py [--users 300] [--repeats 1] [--only naive workers] [--tiny]

The naive script (naive.py) is what people write today; both sides get all cores, see the same photos and are judged
against the truth by the same functions: ours must be at least as good, or nothing is kept. Seconds are those of the
work; what either side needs to start (Python's imports, Ray, weights in every worker) stands beside it. A worker is a
core: one worker's build, decoder and embedder included, is kept on one core.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness import Case, Side, Timed, options, require, run
from naive_quality import quality_of_naive
from real_populations import drawn_population, real_population, rows_of
from timed_build import Quality, all_cores, quality_of_lake, timed_build

USERS = 300  # the dev population: 3,383 photos, which the naive script reads in some seven minutes
WANTED = {"naive script": 5.0, "kith, one worker": 1.7}
ONLY = ("naive", "workers")
HERE = Path(__file__).parent


@dataclass
class Contest:
    """The sides on one population."""

    population: Path
    work: Path
    build_options: tuple[str, ...] = ()
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def kith(self, workers: int | None = None) -> Timed:
        """A build into a fresh lake on so many cores (None = all)."""
        lake = self.work / f"lake-{next(self.numbers)}"
        cores = sorted(all_cores())[:workers]
        found = timed_build(self.population, lake, cores, self.build_options)
        quality = quality_of_lake(lake, found.generation, self.population / "truth")
        return Timed((quality, found.generation), found.seconds, found.told() | quality.told())

    def naive(self) -> Timed:
        """The naive script on all cores."""
        out = self.work / f"naive-{next(self.numbers)}"
        command = [sys.executable, str(HERE / "naive.py"), str(self.population), "--out", str(out)]
        command += ["--workers", str(len(all_cores()))]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        told = json.loads(done.stdout)
        quality = quality_of_naive(out, self.population)
        return Timed((quality, ""), told["seconds"], {"start-up": f"{told['start_up']:.1f} s"} | quality.told())


def at_least_as_good(ours: tuple[Quality, str], theirs: tuple[Quality, str]) -> None:
    """Raise unless our leaders are right at least as often as the naive script's, and so are our profiles."""
    for name in ("leaders", "precision"):
        mine, other = getattr(ours[0], name), getattr(theirs[0], name)
        assert mine[0] * max(1, other[1]) >= other[0] * max(1, mine[1]), f"{name}: ours {mine}, naive script {other}"


def same_generation(ours: tuple[Quality, str], theirs: tuple[Quality, str]) -> None:
    """Raise unless both builds made the same generation, whose id tells of every input."""
    assert ours == theirs, f"{ours} and {theirs}"


def cases(contest: Contest, only: list[str]) -> list[Case]:
    """Both cases, or those asked for."""
    photos, users = rows_of(contest.population, "photos"), rows_of(contest.population, "users")
    name, kith = f"{users} users, {photos:,} photos", Side("kith", contest.kith)
    one = Side("kith, one worker", functools.partial(contest.kith, 1))
    naive = Side("naive script", contest.naive)
    found = []
    if "naive" in only:
        found.append(Case(name, photos, "photos", [kith, naive], at_least_as_good, WANTED, warm=False))
    if "workers" in only and len(all_cores()) > 1:
        two = Side("kith, two workers", functools.partial(contest.kith, 2))
        found.append(Case(f"{name}, two workers", photos, "photos", [two, one], same_generation, WANTED, warm=False))
    return found


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__ or "", repeats=1)
    parser.add_argument("--users", type=int, default=USERS, help="of the population of real photos")
    parser.add_argument("--only", nargs="+", choices=ONLY, default=list(ONLY), help="cases to measure")
    given: argparse.Namespace = parser.parse_args()
    require("facenet_pytorch", "dlib", "joblib")
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as folder:
        work = Path(folder)
        population = drawn_population(work / "population") if given.tiny else real_population(given.users)
        contest = Contest(population.absolute(), work, ("--buckets", "4") if given.tiny else ())
        run("end_to_end", "From photos to profiles, two cores", cases(contest, given.only), given)


if __name__ == "__main__":
    main()
