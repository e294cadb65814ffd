"""The rule of leaders in plain words, one user at a time, as DESIGN and decision 6 have it."""

from __future__ import annotations

import math

NEAR, JOINT_WEIGHT, JOINT_LEAD = 0.6, 0.9, 3.0


def decide(weights: list[float], distances: list[float], asked: float) -> tuple[str, int, int]:
    """Reason, leader and second of an album whose clusters nobody disputes."""
    order = sorted(range(len(weights)), key=lambda place: (-weights[place], place))
    best = order[0]
    rest = [weights[place] for place in order[1:]]
    friendly = [not math.isnan(each) and each < NEAR for each in distances]
    lead = min([weights[best]] + [weights[best] - each for each in rest[:1]])
    if lead >= asked:
        return "ok", best, -1
    if rest and rest[0] >= JOINT_WEIGHT and not friendly[best] and not friendly[order[1]]:
        third = max([0.0, *rest[1:2]])
        if rest[0] - third >= JOINT_LEAD * asked:
            return "ok", best, order[1]
    return ("looks_like_friend" if friendly[best] else "no_margin"), -1, -1
