"""What somebody must hear of: six alerts, each with its limit and a line of runbook, as data.

`kith alerts` judges a lake by them at once; Prometheus judges the same numbers by rules that are made of them here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ray_tasks.metrics import (
    APPROVAL_WAITING,
    FAILED_SHARE,
    FORGOTTEN_LATE,
    GENERATION_AGE,
    LOCK_HELD,
    SET_ASIDE,
    SINCE_COMMIT,
    Metric,
)

HOUR_S = 3600.0
HOLD_S = 300  # seconds that Prometheus sees a limit passed before it tells anybody: ten evaluations
PAGE = "docs/runbook.md"


@dataclass(frozen=True)
class Alert:
    """One alert: it fires when any of its metrics is above its limit.

    Parameters
    ----------
    limits : metric and the largest value that is well.
    meaning : what it says when it fires. runbook : the first thing to do, in a line; the page says the rest.
    """

    name: str
    limits: tuple[tuple[Metric, float], ...]
    meaning: str
    runbook: str

    @property
    def expression(self) -> str:
        """As Prometheus asks it; the greatest value counts where several nodes tell one."""
        return " or ".join(f"max({metric.exported}) > {limit:g}" for metric, limit in self.limits)


@dataclass(frozen=True)
class Fired:
    """An alert that fires now: by which metric, and its value."""

    alert: Alert
    metric: Metric
    value: float


ALERTS = (  # limits: the issue's
    Alert(
        "KithGenerationOld",
        ((GENERATION_AGE, 36 * HOUR_S),),
        "the active generation is older than 36 hours",
        "look at the last nightly run in Airflow; Clear its failed task, or publish its generation: kith publish LAKE",
    ),
    Alert(
        "KithWaitingLong",
        ((LOCK_HELD, 12 * HOUR_S), (APPROVAL_WAITING, 12 * HOUR_S)),
        "a writer has held the lake, or an approval has waited, for more than 12 hours",
        "kith status LAKE names the writer: stop its Ray job if it stands still; answer the question in Airflow",
    ),
    Alert(
        "KithNothingCommitted",
        ((SINCE_COMMIT, HOUR_S / 2),),
        "a job runs, but has committed no bucket for 30 minutes",
        "look at the Ray dashboard for actors that wait or restart; stop the job and Clear its task: it goes on",
    ),
    Alert(
        "KithManyFailures",
        ((FAILED_SHARE, 0.02),),
        "more than 2 % of the photos of the last hour could not be read",
        "kith status LAKE counts the reasons; storage that was away is mended by kith build --retry-failed",
    ),
    Alert(
        "KithBucketSetAside",
        ((SET_ASIDE, 0),),
        "a bucket failed three times",
        "kith alerts LAKE names bucket and reason; mend it, then kith build --retry-failed",
    ),
    Alert(
        "KithForgottenLate",
        ((FORGOTTEN_LATE, 0),),
        "people who asked to be forgotten are past the deadline of their erasure",
        "kith forget --due --lake LAKE --store STORE erases them; read why the DAG forget_users did not",
    ),
)
METRICS = tuple(metric for alert in ALERTS for metric, _ in alert.limits)


def judge(values: Mapping[Metric, float]) -> list[Fired]:
    """The alerts that fire for these values; a metric without a value fires nothing."""
    return [
        Fired(alert, metric, values[metric])
        for alert in ALERTS
        for metric, limit in alert.limits
        if metric in values and values[metric] > limit
    ]


def rules() -> str:
    """Prometheus's rules file, YAML."""
    lines = [
        "# Made by `kith alerts --rules` from ray_tasks/alerts.py; a test compares. What to do: docs/runbook.md.",
        "groups:",
        "  - name: kith",
        "    rules:",
    ]
    for alert in ALERTS:
        lines += [
            f"      - alert: {alert.name}",
            f"        expr: {json.dumps(alert.expression)}",
            f"        for: {HOLD_S}s",
            "        labels: {severity: warning}",
            "        annotations:",
            f"          summary: {json.dumps('Kith: ' + alert.meaning)}",
            f"          runbook: {json.dumps(alert.runbook)}",
            f"          page: {json.dumps(f'{PAGE}#{alert.name.lower()}')}",
        ]
    return "\n".join(lines) + "\n"
