"""Kith's metrics on Ray: names, units and descriptions as data, and the few calls that record them.

Ray's agent on each node serves them to Prometheus with `ray_` before the name and, for counters, `_total` behind it
(`Metric.exported`). What is recorded outside Ray is dropped: the same stages run without any Ray in tests.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

BUSY_WINDOW_S = 5.0  # seconds that a busy share is averaged over: Ray exports every 10 s


@dataclass(frozen=True)
class Metric:
    """One metric: `kind` as Prometheus has it, `unit` in words, `tags` that tell its series apart."""

    name: str
    kind: Literal["counter", "gauge"]
    unit: str
    description: str
    tags: tuple[str, ...] = ()

    @property
    def exported(self) -> str:
        """Its name at Ray's Prometheus endpoint."""
        return f"ray_{self.name}{'_total' if self.kind == 'counter' else ''}"


PHOTOS = Metric("kith_photos", "counter", "photos", "Photos looked at and committed.")
FACES = Metric("kith_faces", "counter", "faces", "Detections committed, whatever becomes of them in cluster.")
REASONS = Metric("kith_photo_reasons", "counter", "photos", "Photos committed, by what came of them.", ("reason",))
PHOTOS_PER_SECOND = Metric("kith_photos_per_second", "gauge", "photos/s", "Photos committed a second in this run.")
QUEUE = Metric("kith_queue_length", "gauge", "items", "What waits: parts for a detector, jobs for a CPU.", ("queue",))
BUSY = Metric("kith_gpu_busy_share", "gauge", "share", "Time an embedder computes; on its device.", ("actor", "device"))
SCORED = Metric("kith_users_scored", "counter", "users", "Users whose profile a round computed, copies left out.")
MOVED = Metric("kith_moved_share", "gauge", "share", "Users whose profile a round moved.", ("round",))
GENERATION_AGE = Metric(
    "kith_active_generation_age_seconds", "gauge", "seconds", "Since the active generation was begun in the store."
)
LOCK_HELD = Metric("kith_lock_held_seconds", "gauge", "seconds", "Since a writer took the lake; 0 = it is free.")
APPROVAL_WAITING = Metric(
    "kith_approval_waiting_seconds", "gauge", "seconds", "Since a person was asked to approve; 0 = nobody is asked."
)
SINCE_COMMIT = Metric(
    "kith_last_commit_age_seconds", "gauge", "seconds", "Since a running job committed a bucket; 0 = no job runs."
)
FAILED_SHARE = Metric(
    "kith_failed_photos_share", "gauge", "share", "Photos of the last hour's commits that could not be read."
)
SET_ASIDE = Metric("kith_buckets_set_aside", "gauge", "buckets", "Buckets that failed three times and lack a result.")
FORGOTTEN_LATE = Metric(
    "kith_forgotten_past_deadline", "gauge", "people", "Forgotten people not yet erased after their deadline."
)

WORK = (PHOTOS, FACES, REASONS, PHOTOS_PER_SECOND, QUEUE, BUSY, SCORED, MOVED)  # recorded by stages
STATE = (  # by whoever watches a lake
    GENERATION_AGE,
    LOCK_HELD,
    APPROVAL_WAITING,
    SINCE_COMMIT,
    FAILED_SHARE,
    SET_ASIDE,
    FORGOTTEN_LATE,
)
METRICS = (*WORK, *STATE)


def count(metric: Metric, amount: float, **tags: str) -> None:
    """Add to a counter; amounts that are not above 0 change nothing."""
    if amount > 0 and _connected():
        _series(metric).inc(amount, tags)


def gauge(metric: Metric, value: float, **tags: str) -> None:
    """Set a gauge."""
    if _connected():
        _series(metric).set(value, tags)


def count_part(counts: Mapping[str, Any], rate: float) -> None:
    """Record a committed part of photos: `counts` of its manifest, and photos a second so far."""
    count(PHOTOS, counts["photos"])
    count(FACES, counts["faces"])
    for reason, photos in counts["reasons"].items():
        count(REASONS, photos, reason=reason)
    gauge(PHOTOS_PER_SECOND, rate)


def count_round(number: int, scored: int, moved: int, users: int) -> None:
    """Record a finished round of `users` users in all."""
    count(SCORED, scored)
    gauge(MOVED, moved / max(1, users), round=str(number))


class BusyShare:
    """Which share of the time an actor computes: at its first call since it started, then over `BUSY_WINDOW_S`."""

    def __init__(self, actor: str, device: str) -> None:
        self._tags = {"actor": actor, "device": device}
        self._since, self._busy, self._told = time.monotonic(), 0.0, False

    @contextmanager
    def computing(self) -> Iterator[None]:
        """What runs in here counts as busy."""
        began = time.monotonic()
        try:
            yield
        finally:
            now = time.monotonic()
            self._busy += now - began
            if not self._told or now - self._since >= BUSY_WINDOW_S:
                gauge(BUSY, min(1.0, self._busy / (now - self._since)), **self._tags)
                self._since, self._busy, self._told = now, 0.0, True


def _connected() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


@functools.cache
def _series(metric: Metric) -> Any:
    from ray.util.metrics import Counter, Gauge

    kind = Counter if metric.kind == "counter" else Gauge
    return kind(metric.name, description=f"{metric.description} [{metric.unit}]", tag_keys=metric.tags)
