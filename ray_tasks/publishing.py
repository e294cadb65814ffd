"""Stage 8: a generation of a lake into a profile store; verified, then one pointer moves.

Buckets are written as Ray tasks. What is written counts from the moment the pointer moves, so a publish may die at any
time: the next one takes up the buckets that are there.
"""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from rich.console import Console

from profiling.errors import StoreConflictError, StoreError
from profiling.settings import StoreSettings
from profiling.store import Counts, ProfileStore, Retention, StoredGeneration, drop_expired, open_store
from profiling.store.addresses import PASSWORD_VARIABLE
from profiling.store.canary import differing_users, sample_users
from profiling.store.planning import bucket_rows, choose_parent
from profiling.store.rows import PROFILE_COLUMNS
from ray_tasks.forgetting import share_ledgers
from ray_tasks.generations import Generation, find_generation, generations
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession

NAMED = 5  # users that an error names
WRITE_TURNS = 2  # a server that dies may forget what it took last; one that dies twice needs somebody to look at it


@dataclass(frozen=True)
class Publication:
    """What one publish did: `written` is false when the store held the generation; `checked` users were read back."""

    generation: StoredGeneration
    store: str
    written: bool
    checked: int
    dropped: list[str]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        of = self.generation
        about = {"store": self.store, "generation": of.id, "number": of.number, "kind": of.kind, "deltas": of.deltas}
        done = {"users": of.users, "rows": of.rows, "replaced": of.replaced, "written": self.written}
        return about | done | {"checked": self.checked, "dropped": self.dropped, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Order:
    """Which generation of which lake goes into which store, and what a person said to it.

    Parameters
    ----------
    store : the URI.
    approved : somebody has looked at the gates that failed. against : id of the generation that was active then; the
        publish is refused when it is another one now. base : write a base although a delta would do.
    """

    lake: Lake
    generation: Generation
    store: str
    approved: bool = False
    against: str | None = None
    base: bool = False


@dataclass(frozen=True)
class Bucket:
    """What a Ray task is told: a bucket of a generation, where it goes, and what a delta is a delta to.

    The password travels with it: workers on other machines do not have the driver's environment.
    """

    lake: str
    generation: str
    before: str | None
    store: str
    stored: StoredGeneration
    bucket: int
    password: str | None = field(default=None, repr=False)


def publish(order: Order, session: RaySession, settings: StoreSettings, console: Console | None = None) -> Publication:
    """Publish a generation: write what the store lacks, count it, read users back, move the pointer.

    Raises
    ------
    StoreError
        A gate failed and nobody approved; the store is out of reach or full; what was read back is not what was
        written. Readers still have the generation that they had.
    StoreConflictError
        Another generation is active than the one that was approved against or built upon.
    """
    started = time.monotonic()
    generation = order.generation
    _ask_gates(order)
    store = open_store(order.store)
    try:
        with WriterLock(order.lake, "publish") as lake, RunProgress(lake, "publish", console) as progress:
            share_ledgers(lake, store)
            active = store.active()
            _ask_active(order, store, active)
            gone = drop_expired(store, Retention(settings.keep_generations, settings.keep_days, settings.grace_s))
            stored = None if order.base else store.ready(generation.id)
            written = stored is None
            if stored is None:
                parent = None if order.base else _parent(lake, generation, active, settings)
                stored = _begin(lake, generation, store, parent)
                _write(order, store, stored, parent, session, progress)
                lake.check_epoch()
                stored = store.finish(stored)
            checked = _check(order, store, stored, session, settings, progress)
            lake.check_epoch()
            share_ledgers(lake, store)
            stored = store.activate(stored, None if active is None else active.number)
        return Publication(stored, store.name, written, checked, [each.id for each in gone], time.monotonic() - started)
    finally:
        store.close()


def _ask_gates(order: Order) -> None:
    failed = [gate["name"] for gate in order.generation.audit["gates"] if not gate["passed"]]
    if failed and not order.approved:
        raise StoreError(
            f"generation {order.generation.id}: failed its gates {', '.join(failed)}; look at kith audit, then publish "
            "it with --approve"
        )


def _ask_active(order: Order, store: ProfileStore, active: StoredGeneration | None) -> None:
    now = "none" if active is None else active.id
    if order.against is not None and now != order.against:
        raise StoreConflictError(
            f"{store.name}: generation {now} is active, not {order.against}; look again before you approve"
        )


def _parent(
    lake: Lake, generation: Generation, active: StoredGeneration | None, settings: StoreSettings
) -> StoredGeneration | None:
    """The generation that a delta may stand on: the active one, if the lake still holds all of its profiles."""
    there = [each.id for each in generations(lake) if active and each.id == active.id and _holds(lake, each)]
    return choose_parent(active, generation.artefacts["model"], lake.buckets, there, settings.deltas)


def _holds(lake: Lake, generation: Generation) -> bool:
    marks = generation.stages[generation.last_round]
    found = (lake.find(generation.last_round, bucket, mark) for bucket, mark in enumerate(marks))
    return len(marks) == lake.buckets and all(manifest is not None for manifest in found)


def _begin(
    lake: Lake, generation: Generation, store: ProfileStore, parent: StoredGeneration | None
) -> StoredGeneration:
    dim = _profiles(str(lake.folder), generation.id, 0).schema.field("profile").type.byte_width // 2
    return store.begin(generation.id, generation.artefacts["model"], dim, lake.buckets, parent)


def _write(
    order: Order,
    store: ProfileStore,
    stored: StoredGeneration,
    parent: StoredGeneration | None,
    session: RaySession,
    progress: RunProgress,
) -> None:
    """Write the buckets that are not there yet, and once more what a server that was killed has lost meanwhile."""
    there = store.written(stored)
    with progress.stage(f"publish {stored.kind}", total=stored.buckets, unit="buckets", done=len(there)) as bar:
        for _ in range(WRITE_TURNS):
            jobs = [job for job in _jobs(order, stored, parent) if job.bucket not in there]
            for _ in session.each(_write_bucket, [(f"publish-{job.bucket}", (job,)) for job in jobs]) if jobs else ():
                bar.advance(1)
            there = store.written(stored)


def _check(
    order: Order,
    store: ProfileStore,
    stored: StoredGeneration,
    session: RaySession,
    settings: StoreSettings,
    progress: RunProgress,
) -> int:
    """Read users of every bucket back through a snapshot of the generation; how many."""
    share = max(1, settings.canary_users // stored.buckets)
    calls = [(f"canary-{job.bucket}", (job, share)) for job in _jobs(order, stored, None)]
    wrong: list[int] = []
    checked = 0
    with progress.stage("canary", total=stored.buckets, unit="buckets") as bar:
        for _, (users, differing) in session.each(_check_bucket, calls):
            checked, wrong = checked + users, wrong + differing
            bar.advance(1)
    if wrong:
        store.abandon(stored)
        named = ", ".join(str(user) for user in sorted(wrong)[:NAMED])
        raise StoreError(
            f"{store.name}: {len(wrong)} of {checked} users read back are not as written (users {named}); the active "
            "generation stays; publish again, and look at the store if it stays so"
        )
    return checked


def _jobs(order: Order, stored: StoredGeneration, parent: StoredGeneration | None) -> list[Bucket]:
    lake, before = str(order.lake.folder), None if parent is None else parent.id
    password = os.environ.get(PASSWORD_VARIABLE)
    buckets = range(stored.buckets)
    return [Bucket(lake, order.generation.id, before, order.store, stored, each, password) for each in buckets]


def _write_bucket(job: Bucket) -> Counts:
    store = _store(job.store, job.password)
    new = _profiles(job.lake, job.generation, job.bucket)
    old = None if job.before is None else _profiles(job.lake, job.before, job.bucket)
    return store.write(job.stored, job.bucket, bucket_rows(new, old, store.forgotten()))


def _check_bucket(job: Bucket, share: int) -> tuple[int, list[int]]:
    store = _store(job.store, job.password)
    hidden = store.forgotten()
    users = sample_users(_profiles(job.lake, job.generation, job.bucket), share, job.stored.number)
    return len(users), differing_users(store.pin(store.find(job.stored.number)), users, hidden)


def _profiles(folder: str, generation: str, bucket: int) -> pa.Table:
    lake = Lake.open(folder)
    of = find_generation(lake, generation)
    return lake.read(of.manifest(lake, of.last_round, bucket), "profiles", list(PROFILE_COLUMNS))


@functools.lru_cache(maxsize=1)
def _store(uri: str, password: str | None) -> ProfileStore:
    """One store, and with it one driver session, a process."""
    return open_store(uri, password)
