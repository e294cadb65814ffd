"""What an explanation holds; plain values that JSON can hold, no vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ClusterExplanation:
    """One cluster: evidence (NaN = not known), what each piece adds to the weight, and what bars it.

    `nearest_friend` is the user id of the friend whose profile is nearest (None = no friend has one),
    `friend_distance` that distance over eps; `barred` says why it may not lead, "" = it may.
    """

    cluster: int
    faces: int
    photos: int
    weight: float
    evidence: Mapping[str, float]
    contributions: Mapping[str, float]
    nearest_friend: int | None = None
    friend_distance: float = math.nan
    barred: str = ""


@dataclass(frozen=True)
class Change:
    """One thing that, had it been otherwise, would have led to another decision; `gain` is what it adds to the weight.

    `reason`, `leader` and `second` are the decision it would have led to, `margin` the lead; `sentence` says all.
    """

    cluster: int
    evidence: str
    gain: float
    reason: str
    leader: int
    second: int
    margin: float
    sentence: str


@dataclass(frozen=True)
class Explanation:
    """Why a user has this profile, or none, in one round.

    Parameters
    ----------
    reason, meaning : the code and its sentence. leader, second, nearest : clusters, -1 = none; `nearest` is the
        heaviest cluster, leader or not.
    margin, weight : the lead of `nearest` over the runner-up, and over "nobody"; both must reach `asked`.
    intercept : weight of a cluster that is average in everything; with the contributions it sums up to the weight.
    verdict : the decision in one sentence. changes : the least changes that would have led to another, smallest first.
    outlook : what to say where there are none. album : selected photos by what became of them, faces by state.
    """

    user_id: int
    round: int
    reason: str
    meaning: str
    leader: int
    second: int
    nearest: int
    margin: float
    weight: float
    asked: float
    intercept: float
    verdict: str
    clusters: tuple[ClusterExplanation, ...] = ()
    changes: tuple[Change, ...] = ()
    outlook: str = ""
    album: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a program reads it; what is not known is null."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
