"""The rule of leaders in plain words, one user at a time, as DESIGN and decision 6 have it."""

from __future__ import annotations

import math

NEAR, JOINT_WEIGHT, JOINT_LEAD = 0.6, 0.9, 3.0


def decide(
    weights: list[float],
    distances: list[float],
    asked: float,
    solo: list[float],
    avatar: list[float],
    photos: list[int],
) -> tuple[str, int, int]:
    """Reason, leader and second of an album whose clusters nobody disputes."""
    reason, leader, second = _decide(weights, distances, asked)
    if reason == "ok" and second < 0:
        second = _partner(leader, solo, avatar, photos)
    return reason, leader, second


def _partner(leader: int, solo: list[float], avatar: list[float], photos: list[int]) -> int:
    """Who shares the account: about as many portraits as the leader, enough photos, never the profile picture."""
    able = [
        place
        for place in range(len(solo))
        if place != leader and solo[leader] >= 0.4 and solo[place] >= 0.3 and abs(solo[leader] - solo[place]) <= 0.2
        if not avatar[place] > 0 and photos[place] >= 3
    ]
    return max(able, key=lambda place: (solo[place], -place), default=-1)


def _decide(weights: list[float], distances: list[float], asked: float) -> tuple[str, int, int]:
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
