"""A scorer's margins for another precision than it was trained for, read off the curve of its held-back users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from profiling.errors import ModelError
from profiling.margins import FIRST_MARGIN, LIMITS, Floats, expected_precision
from profiling.scorer import Scorer

Point = Mapping[str, Any]  # of a curve: margin, precision, coverage (`margins.curve`)


def aim_scorer(scorer: Scorer, wanted: float) -> Scorer:
    """The scorer with the least margins at which its held-back users let expect the wanted precision.

    Parameters
    ----------
    wanted : profiles that are their owner's, of all profiles, 0 to 1.

    Returns
    -------
    A scorer of the same weights; its provenance says which one it was made of. The very scorer when it was trained for
    this precision. Margins are those of the curve's points, .05 apart, where training itself tries every .01.

    Raises
    ------
    ModelError
        The scorer keeps no curve, or the held-back users were too few or too mixed to promise so much. As in training,
        only the last entry must reach it: what comes out is what the last rounds make; the others take their best.
    """
    if scorer.provenance.get("wanted_precision") == wanted:
        return scorer
    curves, users = _held_back(scorer)
    least = [FIRST_MARGIN, *[LIMITS[0]] * (len(curves) - 1)]
    found = [_read_margin(curve, users, wanted, low) for curve, low in zip(curves, least, strict=True)]
    best = found[-1][1]
    if best < wanted:
        raise ModelError(
            f"scoring.precision {wanted:g}: the {users} held-back users of scorer {scorer.id} promise {best:.4f} at "
            "most; ask for less, or train on more users: kith train-scorer"
        )
    rounds = tuple(replace(each, margin=margin) for each, (margin, _) in zip(scorer.rounds, found, strict=True))
    return replace(scorer, rounds=rounds, provenance=_made_of(scorer, wanted))


def _held_back(scorer: Scorer) -> tuple[list[list[Point]], int]:
    """Each entry's curve, and the number of users that coverage is a share of."""
    try:
        learned = scorer.provenance["cross_validated"]
        curves = [[_point(each) for each in entry["curve"]] for entry in learned]
        users = int(scorer.provenance["with_own_cluster"])
        whole = len(curves) == len(scorer.rounds) and all(curves) and users > 0
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise ModelError(
            f"scoring.precision: scorer {scorer.id} keeps no curve of precision to read a margin from; train it again "
            "with kith train-scorer, or give scoring.margin"
        )
    return curves, users


def _point(about: Mapping[str, Any]) -> Point:
    precision = about["precision"]
    known = {name: float(about[name]) for name in ("margin", "coverage")}
    return known | {"precision": None if precision is None else float(precision)}


def _read_margin(curve: Sequence[Point], users: int, wanted: float, least: float) -> tuple[float, float]:
    """The least margin whose expected precision is as wanted, else that of the best; and what is expected there."""
    points = [each for each in curve if each["precision"] and least <= each["margin"] <= LIMITS[1]]
    if not points:
        return least, 0.0
    good: Floats = np.array([each["coverage"] * users for each in points])
    expected = expected_precision(good / np.array([each["precision"] for each in points]), good)
    enough = np.flatnonzero(expected >= wanted)
    place = int(enough[0] if len(enough) else np.argmax(expected))
    return float(points[place]["margin"]), float(expected[place])


def _made_of(scorer: Scorer, wanted: float) -> dict[str, Any]:
    return {**scorer.provenance, "wanted_precision": wanted, "margins_of": scorer.id}
