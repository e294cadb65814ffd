"""Other states the evidence might be in: each changes one thing, to a value that clusters really have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.explaining.case import Case
from profiling.explaining.words import EVIDENCE_LABELS, number
from profiling.friend_evidence import FAR
from profiling.tables import EVIDENCE, FRIEND_EVIDENCE, NO_CLUSTER
from profiling.tagging import CONFIRMED

Floats = npt.NDArray[np.float64]

USUAL = (5.0, 95.0)  # per cent of the population's clusters between which a value is usual
TAG_EVENTS = {  # evidence of tags: votes that one more tag casts (tagging.py), and what happens
    "tags_owner": (1.0, "one more tag named the owner on cluster {}"),
    "tags_confirmed": (CONFIRMED, "the owner confirmed one more tag on cluster {}"),
    "tags_rejected": (1.0, "the owner rejected one more tag on cluster {}"),
    "tags_others": (1.0, "one more tag named somebody else on cluster {}"),
}
RIVALS = 3  # heaviest clusters that are looked at: whoever decides is among them


@dataclass(frozen=True)
class Usual:
    """Ends of what is usual, float64 [evidence] each; NaN where a piece of evidence is known of nobody.

    `unknown` bool [evidence]: it is not known of some clusters, so it might not be known of this one.
    """

    low: Floats
    high: Floats
    unknown: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, matrix: Floats) -> Usual:
        """The ends of the evidence [clusters, evidence] of many users; real values, no interpolated ones."""
        columns = [column[~np.isnan(column)] for column in np.asarray(matrix, np.float64).T]
        ends = [np.percentile(c, USUAL, method="inverted_cdf") if len(c) else (np.nan, np.nan) for c in columns]
        low, high = np.asarray(ends, np.float64).reshape(len(columns), 2).T
        unknown = np.asarray(np.isnan(np.asarray(matrix, np.float64)).any(axis=0), np.bool_)
        return cls(low, high, unknown)


@dataclass(frozen=True)
class Scenario:
    """`matrix` is the evidence as it would be; `what` says in words what is changed about `cluster`."""

    cluster: int
    evidence: str
    what: str
    matrix: Floats


def scenarios(case: Case, usual: Usual) -> list[Scenario]:
    """All single changes of the heaviest clusters, events first."""
    weight = case.weigh(case.matrix[None])[0]
    rivals = np.lexsort((case.number, -weight))[:RIVALS]
    found = [*_events(case, rivals), *_without_friends(case)]
    for row in rivals.tolist():
        found += _single(case, row, rivals, usual)
    return [each for each in found if not np.array_equal(each.matrix, case.matrix, equal_nan=True)]


def _single(case: Case, row: int, rivals: npt.NDArray[np.intp], usual: Usual) -> Iterator[Scenario]:
    """One number of one cluster: unknown, another cluster's, or at either end of what is usual."""
    used = np.flatnonzero(case.scorer.of_round(case.round_number).coefficients)
    for column in used.tolist():
        name = EVIDENCE[column]
        if name in FRIEND_EVIDENCE or name in TAG_EVENTS:
            continue  # see `_events`
        label, now = f"“{EVIDENCE_LABELS.get(name, name)}”", case.matrix[row, column]
        cluster, was = int(case.number[row]), number(now)
        if usual.unknown[column]:
            yield _changed(case, row, {name: np.nan}, f"{label} of cluster {cluster} were not known (it is {was})")
        ends = (("low", usual.low[column]), ("high", usual.high[column]))
        for end, value in ends:
            if (np.isfinite(value) and (now < value) == (end == "high")) or (np.isfinite(value) and np.isnan(now)):
                what = f"{label} of cluster {cluster} were {number(value)}, as {end} as is usual, instead of {was}"
                yield _changed(case, row, {name: value}, what)
        for other in rivals.tolist():
            value = case.matrix[other, column]
            if other != row and np.isfinite(value):
                what = f"{label} of cluster {cluster} were {number(value)}, as of cluster {int(case.number[other])}, "
                yield _changed(case, row, {name: value}, what + f"instead of {was}")


def _events(case: Case, rivals: npt.NDArray[np.intp]) -> Iterator[Scenario]:
    """What might happen to a cluster and moves several numbers, or those of all clusters, at once."""
    for row in rivals.tolist():
        cluster = int(case.number[row])
        for name, (votes, what) in TAG_EVENTS.items():
            if name in EVIDENCE:
                more = _more_votes(case.matrix[:, EVIDENCE.index(name)], row, votes)
                yield _with_column(case, row, name, more, what.format(cluster))
        alone = np.zeros(len(case.number))
        alone[row] = 1.0
        what = f"all profile pictures showed cluster {cluster} and nobody else"
        yield _with_column(case, row, "avatar", alone, what)
        if np.isfinite(case.matrix[row, EVIDENCE.index("friend_distance")]):
            values = dict.fromkeys(FRIEND_EVIDENCE, np.nan) | {"friend_distance": FAR, "friends_near": 0.0}
            yield _changed(case, row, values, f"no friend had the face of cluster {cluster}", "friend_distance")


def _without_friends(case: Case) -> Iterator[Scenario]:
    columns = [EVIDENCE.index(name) for name in FRIEND_EVIDENCE]
    matrix = case.matrix.copy()
    matrix[:, columns] = np.nan
    yield Scenario(NO_CLUSTER, "friend_distance", "no friend had a profile", matrix)


def _more_votes(column: Floats, row: int, more: float) -> Floats:
    """Votes are kept as votes / (1 + |votes|), and as not known in an album without any."""
    known = np.nan_to_num(column)
    votes = known[row] / max(1.0 - abs(known[row]), 1e-6) + more
    known[row] = votes / (1.0 + abs(votes))
    return known


def _changed(case: Case, row: int, values: dict[str, float], what: str, evidence: str = "") -> Scenario:
    matrix = case.matrix.copy()
    for name, value in values.items():
        matrix[row, EVIDENCE.index(name)] = value
    return Scenario(int(case.number[row]), evidence or next(iter(values)), what, matrix)


def _with_column(case: Case, row: int, name: str, column: Floats, what: str) -> Scenario:
    matrix = case.matrix.copy()
    matrix[:, EVIDENCE.index(name)] = column
    return Scenario(int(case.number[row]), name, what, matrix)
