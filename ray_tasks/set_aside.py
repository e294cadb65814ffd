"""Buckets that failed again and again: each failure is noted in the lake, and after three the bucket counts as stuck.

A part of photos that is stuck is set aside: its photos get the reason `set_aside`, the build goes on without them, and
their share gates publishing. Other stages cannot leave a bucket out: their build stops with nothing to publish.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from profiling.places import by_name
from ray_tasks.lake import Lake

FOLDER = "failures"  # in a lake
TRIES = 3  # failures of a bucket's work, over all runs, after which it is stuck
REASON = "set_aside"  # of photos that nobody will look at before somebody asks for it
REASON_LENGTH = 200  # characters


@dataclass(frozen=True)
class Stuck:
    """Work that failed `TRIES` times or more, and why it failed last."""

    stage: str
    bucket: int
    fingerprint: str
    failures: int
    reason: str


def note_failure(lake: Lake, stage: str, bucket: int, fingerprint: str, error: BaseException) -> int:
    """Note a failure; gives how often this work has failed by now."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[-1][:REASON_LENGTH]
    name = f"{FOLDER}/{stage}/{bucket:06d}-{fingerprint}-{secrets.token_hex(4)}.json"
    about = {"stage": stage, "bucket": bucket, "fingerprint": fingerprint, "reason": reason, "at": time.time()}
    lake.add_once(name, about)
    return len(list((lake.folder / FOLDER / stage).glob(f"{bucket:06d}-{fingerprint}-*.json")))


def forgive(lake: Lake, stage: str, bucket: int) -> None:
    """A bucket's work is done: its earlier failures count no more."""
    for path in (lake.folder / FOLDER / stage).glob(f"{bucket:06d}-*.json"):
        path.unlink(missing_ok=True)


def stuck(lake: Lake) -> list[Stuck]:
    """All work of a lake that is stuck, by stage and bucket."""
    found: dict[tuple[str, int, str], list[str]] = {}
    folders = by_name((lake.folder / FOLDER).glob("*"))
    notes = [note for folder in folders for note in lake.notes(f"{FOLDER}/{folder.name}")]
    for note in sorted(notes, key=lambda note: float(note["at"])):
        found.setdefault((note["stage"], note["bucket"], note["fingerprint"]), []).append(note["reason"])
    return [Stuck(*work, len(why), why[-1]) for work, why in sorted(found.items()) if len(why) >= TRIES]
