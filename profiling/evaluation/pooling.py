"""Several populations as one: counts are added, and the uploads of all are judged by one threshold.

A share over some hundred users of one population hangs on a few of them. What holds for a network and its scorer is the
share over all users of all populations, and a threshold that is fitted to each population would not be there in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from profiling.evaluation.intervals import share
from profiling.evaluation.summary import Assessment
from profiling.evaluation.uploads import judge

ROUND_SHARES = ("leader_accuracy", "coverage", "precision")
ALBUM_SHARES = (*ROUND_SHARES, "baseline_largest_cluster", "baseline_avatar")


def pool(assessments: Sequence[Assessment]) -> dict[str, Any]:
    """The metrics of `assess` over all users of all `assessments`, of one network.

    Returns
    -------
    `users`, `profiles`, `users_with_profile`, the shares of the albums and `face_recall`; `rounds`, in which a
    population that had settled counts with its last round; `by_kind`; and what `uploads.judge` says of all uploads.
    Moved users and cluster purity are left out: they say something of one population.

    Raises
    ------
    ValueError
        There is nothing to pool.
    """
    if not assessments:
        raise ValueError("no assessment to pool")
    metrics = [each.metrics for each in assessments]
    rounds = max(len(each["rounds"]) for each in metrics)
    reached = [[each["rounds"][min(number, len(each["rounds"]) - 1)] for each in metrics] for number in range(rounds)]
    kinds = sorted({kind for each in metrics for kind in each["by_kind"]})
    return {
        "users_with_profile": sum(each["users_with_profile"] for each in metrics),
        "face_recall": _sum(metrics, "face_recall"),
        **_albums(metrics),
        "rounds": [
            {"round": number, **{name: _sum(each, name) for name in ROUND_SHARES}}
            for number, each in enumerate(reached)
        ],
        "by_kind": {kind: _albums([each["by_kind"][kind] for each in metrics if kind in each["by_kind"]])
                    for kind in kinds},
        **judge([each.recognition for each in assessments]),
    }  # fmt: skip


def _albums(metrics: Sequence[dict[str, Any]]) -> dict[str, Any]:
    numbers = {name: sum(each[name] for each in metrics) for name in ("users", "profiles")}
    return {**numbers, **{name: _sum(metrics, name) for name in ALBUM_SHARES}}


def _sum(metrics: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    shares = [each[name] for each in metrics]
    return share(sum(each["count"] for each in shares), sum(each["of"] for each in shares))
