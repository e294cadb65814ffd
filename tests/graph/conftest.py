"""Populations with known birth years: three real colleges, and a drawn one in which everybody has several circles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from graph.friendships import Friendships

COLLEGES = Path(__file__).parents[3] / "shared" / "data" / "facebook100"
HIDDEN, FALSE = 0.3, 0.15  # shares of years that are not stated, and of the stated ones that are lies


@dataclass(frozen=True)
class Lives:
    """People with the year they were born (0 = nobody knows) and their friendships."""

    born: np.ndarray
    friendships: Friendships

    def state(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Stated years float32 (NaN = none), and who hides it or lies by 9 to 29 years."""
        rng = np.random.default_rng(seed)
        known = self.born > 0
        hidden = known & (rng.random(len(self.born)) < HIDDEN)
        lying = known & ~hidden & (rng.random(len(self.born)) < FALSE)
        stated = np.where(known & ~hidden, self.born, np.nan)
        stated[lying] += rng.choice([-1, 1], lying.sum()) * rng.integers(9, 30, lying.sum())
        return stated.astype(np.float32), hidden, lying


@pytest.fixture
def college() -> Callable[[str], Lives]:
    """A Facebook100 school by name; class years stand for birth years."""

    def load(name: str) -> Lives:
        if not COLLEGES.is_dir():
            pytest.skip("../shared/data/facebook100 is missing: the real friendship graphs are not on this machine")
        header, *lines = (COLLEGES / name / f"{name}.nodelist").read_text().splitlines()
        year = header.split("\t").index("year")
        born = np.array([int(line.split("\t")[year]) for line in lines])
        text = (COLLEGES / name / f"{name}.net").read_text().splitlines()
        start = next(at for at, line in enumerate(text) if line.lower().startswith("*edges")) + 1
        pairs = np.array([[int(value) - 1 for value in line.split()[:2]] for line in text[start:] if line.strip()])
        return Lives(born, Friendships.of_edges(len(born), pairs[:, 0], pairs[:, 1]))

    return load


@pytest.fixture
def several_cohorts() -> Callable[[int], Lives]:
    """1,500 people with a school class of their age, a workplace of mixed age and a family of all ages."""

    def draw(seed: int) -> Lives:
        rng = np.random.default_rng(seed)
        n = 1500
        born = rng.integers(1945, 1995, n)
        pairs: list[np.ndarray] = []
        for spread, sizes, tied in ((0.45, (10, 30), 0.45), (12.0, (20, 60), 0.45), (500.0, (8, 9), 0.9)):
            alike, at = np.argsort(born + rng.normal(0, spread, n), kind="stable"), 0
            while at < n:
                circle = alike[at : at + int(rng.integers(*sizes))]
                i, j = np.triu_indices(len(circle), 1)
                met = rng.random(len(i)) < tied
                pairs.append(np.stack([circle[i[met]], circle[j[met]]], axis=1))
                at += len(circle)
        both = np.concatenate(pairs)
        return Lives(born, Friendships.of_edges(n, both[:, 0], both[:, 1]))

    return draw
