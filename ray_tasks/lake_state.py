"""How a lake and its store are at a moment: the numbers that alerts are judged by."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from profiling.places import Place
from profiling.store import ProfileStore
from ray_tasks.alerts import HOUR_S
from ray_tasks.asking import open_questions
from ray_tasks.lake import Lake
from ray_tasks.ledger import read_ledger
from ray_tasks.lock import Holder, current_holder
from ray_tasks.metrics import (
    APPROVAL_WAITING,
    FAILED_SHARE,
    FORGOTTEN_LATE,
    GENERATION_AGE,
    LOCK_HELD,
    SET_ASIDE,
    SINCE_COMMIT,
    Metric,
    gauge,
)
from ray_tasks.retiring import FIRST
from ray_tasks.set_aside import stuck
from ray_tasks.stages.face_parts import LOOKED_AT

DAY_S = 86400.0
FEWEST_PHOTOS = 100  # photos of an hour below which a share of failures says nothing: two would be above the limit


def measure(lake: Lake, store: ProfileStore | None, erase_days: float, now: float) -> dict[Metric, float]:
    """All numbers at `now` (seconds since 1970); without a store, or before its first generation, one fewer."""
    epoch, holder = current_holder(lake)
    questions = open_questions(lake.folder).values()
    values = {
        LOCK_HELD: 0.0 if holder is None else now - holder.taken,
        APPROVAL_WAITING: max((now - asked for asked in questions), default=0.0),
        SINCE_COMMIT: _since_commit(lake, epoch, holder, now),
        FAILED_SHARE: failed_share(lake, now - HOUR_S),
        SET_ASIDE: float(len(stuck(lake))),
        FORGOTTEN_LATE: float(_late(lake, now - erase_days * DAY_S)),
    }
    active = None if store is None else store.active()
    return values if active is None else values | {GENERATION_AGE: now - active.created}


def record(values: dict[Metric, float]) -> None:
    """Tell Ray's endpoint."""
    for metric, value in values.items():
        gauge(metric, value)


def failed_share(lake: Lake, since: float) -> float:
    """Photos that could not be read, of those committed since then; 0 while there are fewer than `FEWEST_PHOTOS`."""
    reasons: Counter[str] = Counter()
    for manifest in _recent(lake, since):
        reasons.update(manifest["counts"].get("reasons", {}))
    photos = reasons.total()
    failed = photos - sum(reasons[reason] for reason in LOOKED_AT)
    return float(failed / photos) if photos >= FEWEST_PHOTOS else 0.0


def _recent(lake: Lake, since: float) -> Iterator[dict[str, Any]]:
    """Manifests of photos that were looked at since then; older ones are told by their files' times, compacted parts by
    their counts."""
    for path in (lake.folder / "manifests").glob("embed-*/*/*.json"):
        if _modified(path) >= since:
            manifest = json.loads(path.read_text())
            if manifest["created"] >= since and FIRST not in manifest["counts"]:
                yield manifest


def _modified(path: Place) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _since_commit(lake: Lake, epoch: int, holder: Holder | None, now: float) -> float:
    """Since the running build committed something, or began; 0 when none runs."""
    mine = [note for note in lake.notes("runs") if note["state"] == "running" and note.get("epoch") == epoch]
    if holder is None or not mine:
        return 0.0
    return max(0.0, now - max(float(note["committed"]) for note in mine))


def _late(lake: Lake, deadline: float) -> int:
    """People hidden before the deadline of whom no erasure is on record."""
    ledger = read_ledger(lake.folder)
    late = ledger.users[ledger.hidden_at < deadline]
    erased = [user for note in lake.notes("erasures") for user in note["users"]]
    return len(np.setdiff1d(late, np.array(erased, np.int64)))
