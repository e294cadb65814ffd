"""Birth years from friends against the plain mode, and users a second.

    python benchmarks/people.py ../shared/data/facebook100/Caltech36 [SCHOOL …]

Each school is a folder with `NAME.nodelist` and `NAME.net` (Facebook100). 30 % of the years are hidden, 15 % of the
stated ones replaced, by years 9 to 29 off or by other people's years; mean of three draws over hidden users who have a
friend of known year. Speed is users a second of processor time
(OMP_NUM_THREADS=1) over all passes, on the schools and on 100,000 drawn users.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from graph.ages import FRIENDS, BirthYears, estimate_birth_years
from graph.cohorts import FIRST_YEAR, CohortTable, count_cohorts, year_histogram
from graph.friendships import Friendships
from graph.guesses import guess_years

DRAWS = 3
HIDDEN, FALSE = 0.3, 0.15
DRAWN_USERS, DRAWN_FRIENDS = 100_000, 40  # friends to each side, nearly all of neighbouring years
DRAWN_NEAR = 0.008  # of all users, how far off in the order of birth friends are (standard deviation)

Years = npt.NDArray[np.float32]


def read_school(folder: Path) -> tuple[npt.NDArray[np.int64], Friendships]:
    """Class years (0 = unknown) and friendships of one school."""
    header, *lines = (folder / f"{folder.name}.nodelist").read_text().splitlines()
    year = header.split("\t").index("year")
    born = np.array([int(line.split("\t")[year]) for line in lines])
    text = (folder / f"{folder.name}.net").read_text().splitlines()
    start = next(at for at, line in enumerate(text) if line.lower().startswith("*edges")) + 1
    pairs = np.array([[int(value) - 1 for value in line.split()[:2]] for line in text[start:] if line.strip()])
    return born, Friendships.of_edges(len(born), pairs[:, 0], pairs[:, 1])


def draw_users(seed: int = 0, users: int = DRAWN_USERS) -> tuple[npt.NDArray[np.int64], Friendships]:
    """Users whose friends are mostly of their age: neighbours in the order of birth, with some strangers."""
    rng = np.random.default_rng(seed)
    born = np.sort(rng.integers(1940, 2005, users))
    a = np.repeat(np.arange(users), DRAWN_FRIENDS)
    b = np.clip(a + rng.normal(0, DRAWN_NEAR * users, len(a)).astype(np.int64), 0, users - 1)
    strangers = rng.random(len(a)) < 0.2
    b[strangers] = rng.integers(0, users, strangers.sum())
    return born, Friendships.of_edges(users, a, b)


def state(born: npt.NDArray[np.int64], seed: int, others: bool) -> tuple[Years, npt.NDArray[np.bool_]]:
    """Stated years (NaN = none) and who hides his; lies are years of others, or 9 to 29 years off."""
    rng = np.random.default_rng(seed)
    known = born > 0
    hidden = known & (rng.random(len(born)) < HIDDEN)
    lying = known & ~hidden & (rng.random(len(born)) < FALSE)
    stated = np.where(known & ~hidden, born, np.nan)
    off = rng.choice([-1, 1], lying.sum()) * rng.integers(9, 30, lying.sum())
    stated[lying] = rng.choice(born[known], lying.sum()) if others else stated[lying] + off
    return stated.astype(np.float32), hidden


def estimate(friendships: Friendships, stated: Years) -> tuple[BirthYears, float]:
    """Everybody's year, and users a second of processor time."""
    started, rows = time.process_time(), np.arange(friendships.rows)
    table = CohortTable.of_counts([count_cohorts(rows, friendships, stated)])
    guesses = guess_years(rows, friendships, stated, table)
    found = estimate_birth_years(rows, friendships, stated, table, guesses)
    return found, friendships.rows / (time.process_time() - started)


def compare(born: npt.NDArray[np.int64], friendships: Friendships, others: bool) -> list[str]:
    """One row: mode, ours (exact / within a year), right at .9 and more and their share, users a second."""
    rows = []
    for seed in range(DRAWS):
        stated, hidden = state(born, seed, others)
        counts = year_histogram(*friendships.neighbours(0, friendships.rows), stated)
        told = hidden & (counts.sum(axis=1) > 0)
        found, speed = estimate(friendships, stated)
        off = np.abs(np.stack([counts.argmax(axis=1) + FIRST_YEAR, found.year]) - born)[:, told]
        sure = (found.confidence >= 0.9)[told] & (found.source == FRIENDS)[told]
        exact = (off == 0).mean(axis=1), (off <= 1).mean(axis=1)
        rows.append(
            [exact[0][0], exact[1][0], exact[0][1], exact[1][1], (off[1] == 0)[sure].mean(), sure.mean(), speed]
        )
    mode, near, ours, ours_near, right, share, speed = np.mean(rows, axis=0)
    return [f"{mode:.3f} / {near:.3f}", f"{ours:.3f} / {ours_near:.3f}", f"{right:.3f} ({share:.0%})", f"{speed:,.0f}"]


def main() -> None:
    """Measure the schools that are named and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("school", type=Path, nargs="*")
    table = Table("population", "false years", "mode", "ours", "exact at ≥ .9 (share)", "users/s", show_edge=False)
    for folder in arguments.parse_args().school:
        born, friendships = read_school(folder)
        for others in (False, True):
            table.add_row(folder.name, "others'" if others else "9-29 off", *compare(born, friendships, others))
    born, friendships = draw_users()
    _, speed = estimate(friendships, state(born, 0, False)[0])
    table.add_row(f"{DRAWN_USERS:,} drawn users", "9-29 off", "", "", "", f"{speed:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
