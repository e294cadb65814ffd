"""The margin: how far a leader must lead for the wanted share of profiles to be right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LIMITS = (0.15, 1.0)  # below it a lead is chance; above it an owner (1) could not lead an average cluster (0)
FIRST_MARGIN = 0.4  # at least, of round 0: its mistakes become claims on friends' faces, which later rounds must undo
DECIMALS = 6
CURVE_POINTS = 41  # of the precision-coverage curve that is remembered


def choose_margin(strength: Floats, right: Flags, repeats: int, wanted: float, least: float = LIMITS[0]) -> float:
    """The least margin at which the expected precision is as wanted; where none is, that of the best precision.

    Parameters
    ----------
    strength : float64 [n], lead of each user's heaviest cluster over the runner-up and over "nobody".
    right : bool [n], whether that cluster is the owner's.
    repeats : how often each user is among the n; counts are divided by it.
    least : no margin below it is taken.

    """
    grid = np.arange(round(least * 100), round(LIMITS[1] * 100) + 1) / 100
    expected = expected_precision(*_counts(strength, right, grid, repeats))
    enough = np.flatnonzero(expected >= wanted)
    return float(grid[enough[0]] if len(enough) else grid[np.argmax(expected)])


def expected_precision(kept: Floats, good: Floats) -> Floats:
    """Laplace's (right + 1) / (all + 2), float64: that no mistake was seen among few does not mean there is none."""
    return (good + 1) / (kept + 2)


def curve(strength: Floats, right: Flags, repeats: int, reachable: int) -> list[dict[str, Any]]:
    """Precision and coverage (profiles of `reachable` users) at margins from 0 to 2."""
    grid = np.linspace(0.0, 2.0, CURVE_POINTS)
    kept, good = _counts(strength, right, grid, repeats)
    return [
        {
            "margin": round(float(margin), DECIMALS),
            "precision": round(float(g / k), DECIMALS) if k else None,
            "coverage": round(float(g / max(reachable, 1)), DECIMALS),
        }
        for margin, k, g in zip(grid, kept, good, strict=True)
    ]


def _counts(strength: Floats, right: Flags, grid: Floats, repeats: int) -> tuple[Floats, Floats]:
    """Users that keep a profile at each margin, and those of them that are right."""
    above = strength[None] >= grid[:, None]
    return above.sum(axis=1) / repeats, (above & right[None]).sum(axis=1) / repeats
