"""Which generations of a store go, and which segments with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiling.store.interface import ProfileStore
from profiling.store.records import DROPPED, READY, WRITING, Head, StoredGeneration

DAY_S = 86_400.0  # seconds


@dataclass(frozen=True)
class Retention:
    """What stays.

    Parameters
    ----------
    newest : ready generations that stay, whatever their age. days : age up to which the others stay.
    grace_s : seconds that readers may hold on to what they pinned: nothing goes sooner after a change of the pointer.
    """

    newest: int = 7
    days: float = 7.0
    grace_s: float = 3600.0


def expired(
    generations: Sequence[StoredGeneration], head: Head, retention: Retention, now: float
) -> list[StoredGeneration]:
    """Generations that may go now: neither active, nor what a rollback leads to, nor new, nor young.

    A publish that was begun and not finished goes when a later generation has been active for the grace time.
    """
    if head.active is None or now - head.since < retention.grace_s:
        return []
    active = next(each for each in generations if each.number == head.active)
    kept = {active.number, active.replaced}
    kept |= {each.number for each in [g for g in generations if g.state == READY][-retention.newest :]}
    limit = now - retention.days * DAY_S
    old = [each for each in generations if each.state == READY and each.number not in kept and each.created < limit]
    dead = [each for each in generations if each.state == WRITING and each.number < active.number]
    return sorted([*old, *dead], key=lambda each: each.number)


def drop_expired(store: ProfileStore, retention: Retention, now: float | None = None) -> list[StoredGeneration]:
    """Retire what has expired; bases and deltas go when no generation that stays needs them.

    Safe to be cut off: what is retired but not yet removed goes with the next call.
    """
    known = store.generations()
    wanted = expired(known, store.head(), retention, time.time() if now is None else now)
    gone = [each for each in wanted if store._update(replace(each, state=DROPPED), each.state)]
    dropped = {each.number for each in gone} | {each.number for each in known if each.state == DROPPED}
    needed = {number for each in known if each.number not in dropped for number in each.segments}
    idle = [each for each in known if each.number in dropped and each.number not in needed]
    store._remove({e.number for e in idle if not e.deltas}, {e.number for e in idle if e.deltas})
    return gone
