"""Seconds a photo of a build as the population grows: 140 users beside 560 of the same kind.

    python benchmarks/bench_growth.py [--users 140 560] [--repeats 1] [--tiny]

Each population is built into a fresh lake with all cores; the ratio is seconds a photo of the larger over those of the
smaller, start-up left out: 1 means that the cost grows with the photos and nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import Case, Side, Timed, options, run
from real_populations import drawn_population, real_population, rows_of
from timed_build import timed_build

USERS = (140, 560)


def a_photo(population: Path, folder: Path, build_options: tuple[str, ...]) -> Callable[[], Timed]:
    """Build a population; seconds a photo."""
    photos = rows_of(population, "photos")

    def build() -> Timed:
        with tempfile.TemporaryDirectory(dir=folder) as lake:
            found = timed_build(population, Path(lake, "lake"), None, build_options)
        told = {"photos": f"{photos:,}", "seconds": f"{found.seconds:.1f}"} | found.told()
        return Timed(photos, found.seconds / photos, told)

    return build


def grew(small: int, large: int) -> None:
    """Raise unless the second population is the larger."""
    assert large > small


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__ or "", repeats=1)
    parser.add_argument("--users", type=int, nargs=2, default=USERS, help="of the two populations")
    given: argparse.Namespace = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as folder:
        work, sizes = Path(folder), (6, 12) if given.tiny else given.users
        made = [drawn_population(work / f"p{n}", n) if given.tiny else real_population(n) for n in sizes]
        buckets = ("--buckets", "4") if given.tiny else ()
        sides = [
            Side(f"{users} users", a_photo(population.absolute(), work, buckets))
            for users, population in zip(sizes, made, strict=True)
        ]
        case = Case("a photo of a build", 1, "photos", sides, grew, warm=False)
        run("growth", "Cost of a photo as the population grows, two cores", [case], given)


if __name__ == "__main__":
    main()
