"""What would have changed a decision: every scenario is weighed and decided again, and the smallest ones are told."""

from __future__ import annotations

import numpy as np

from profiling.explaining.case import Case, Ints
from profiling.explaining.explanation import Change
from profiling.explaining.scenarios import Scenario, Usual, scenarios
from profiling.explaining.words import number, signed
from profiling.leaders import REASONS, Leaders
from profiling.tables import NO_CLUSTER

TOLD = 5  # changes of one user: more are not read


def find_changes(case: Case, usual: Usual) -> tuple[list[Change], str]:
    """The smallest single changes that lead to another decision, and what to say when there is none.

    One change is told for each piece of evidence of a cluster and each decision: the one that moves the weight least.
    """
    tried = scenarios(case, usual)
    if not tried:
        return [], ""
    states = np.stack([case.matrix, *(each.matrix for each in tried)])
    leaders, _ = case.decide(states)
    weight = case.weigh(states)
    names = _numbers(case, leaders)
    now = _decision(leaders, names, 0)
    gains = [_gain(case, each, weight[place] - weight[0]) for place, each in enumerate(tried, 1)]
    other = [place for place in range(1, len(states)) if _decision(leaders, names, place) != now]
    other.sort(key=lambda place: (abs(gains[place - 1]), place))
    told: dict[object, Change] = {}
    for place in other:
        each = tried[place - 1]
        key = (each.cluster, each.evidence, _decision(leaders, names, place))
        if key not in told:
            told[key] = _tell(each, gains[place - 1], leaders, names, place)
    return list(told.values())[:TOLD], "" if told else _closest(tried, gains, leaders, case.asked)


def _numbers(case: Case, leaders: Leaders) -> tuple[Ints, Ints, Ints]:
    """Numbers of leader, second and heaviest cluster of each state."""
    known = np.append(np.tile(case.number, len(leaders.best)), NO_CLUSTER)
    return known[leaders.leader], known[leaders.second], known[leaders.best]


def _decision(leaders: Leaders, names: tuple[Ints, Ints, Ints], place: int) -> tuple[str, int, int]:
    resolved = leaders.reason[place] == "ok"
    pair = (int(names[0][place]), int(names[1][place])) if resolved else (NO_CLUSTER, NO_CLUSTER)
    return str(leaders.reason[place]), *pair


def _gain(case: Case, scenario: Scenario, difference: np.ndarray) -> float:
    """What the scenario adds to its cluster's weight; the largest change where it is about all clusters."""
    if scenario.cluster == NO_CLUSTER:
        return float(difference[np.argmax(np.abs(difference))])
    return float(difference[np.searchsorted(case.number, scenario.cluster)])


def _tell(scenario: Scenario, gain: float, leaders: Leaders, names: tuple[Ints, Ints, Ints], place: int) -> Change:
    reason, leader, second = _decision(leaders, names, place)
    margin, heaviest = float(leaders.margin[place]), int(names[2][place])
    if reason != "ok":
        then = f"nobody would lead: {REASONS.get(reason, reason)} (cluster {heaviest}, by {number(margin)})"
    elif second != NO_CLUSTER:
        then = f"clusters {leader} and {second} would lead together"
    else:
        then = f"cluster {leader} would lead, by {number(margin)}"
    sentence = f"If {scenario.what} ({_amount(scenario, gain)}), {then}."
    return Change(scenario.cluster, scenario.evidence, gain, reason, leader, second, margin, sentence)


def _closest(tried: list[Scenario], gains: list[float], leaders: Leaders, asked: float) -> str:
    """The scenario that comes nearest to another decision."""
    strength = np.fmin(leaders.margin, leaders.weight)[1:]
    resolved = leaders.reason[0] == "ok"
    place = int(np.argmin(strength) if resolved else np.argmax(strength))
    verb = "still leaves" if resolved else "brings"
    reached = f"{verb} a lead of {number(float(strength[place]))}; {number(asked)} is asked"
    return (
        f"No single change would have led to another decision. The one that comes nearest, if {tried[place].what} "
        f"({_amount(tried[place], gains[place])}), {reached}."
    )


def _amount(scenario: Scenario, gain: float) -> str:
    return f"weights move by up to {number(abs(gain))}" if scenario.cluster == NO_CLUSTER else signed(gain)
