"""Stage 0: bring everything that belongs to a user into the user's bucket, so that no later stage reads the raw input.

An out-of-core shuffle: memory is bounded by the spill budgets and one bucket, whatever the size of the population. All
buckets are written before the first is committed, so a snapshot that turns out broken commits nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.errors import LakeError
from profiling.population import Population, open_population
from profiling.settings import PartitionSettings
from profiling.tables import FRIENDS, POPULATION
from ray_tasks.lake import Attempt, Lake, Manifest, fingerprint
from ray_tasks.partitioning.friendships import find_high, find_low, finish_friends, shuffle_friendships
from ray_tasks.partitioning.photos import Photos, finish_photos, shuffle_photos
from ray_tasks.partitioning.previous import Previous, last_partition
from ray_tasks.partitioning.tags import PAIRS, add_owners, check_tagged, finish_tags, shuffle_tags
from ray_tasks.partitioning.users import Directory
from ray_tasks.partitioning.work import Tally, Work
from ray_tasks.shuffle import MEMORY_BYTES, Shuffle
from ray_tasks.stages.context import BuildContext
from ray_tasks.stages.partition_rows import publish_rows

LOGIC = 1  # raise when the results of this stage change
STAGE = "partition"

Counts = dict[str, Any]
Forgotten = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PartitionResult:
    """A committed partition: its fingerprint, one manifest a bucket, and the buckets' counts added up."""

    fingerprint: str
    manifests: list[Manifest]
    counts: Counts


def take_partition(context: BuildContext, mark: str) -> None:
    """File the manifests of an earlier partition for the stages that follow; the population itself is not looked at.

    Raises
    ------
    LakeError
        There is none under this fingerprint.
    """
    manifests = _committed(context.lake, mark)
    if manifests is None:
        raise LakeError(f"--partition {mark}: {context.lake.folder} holds none of that name; see kith build --until")
    with context.progress.stage(STAGE, total=len(manifests), unit="buckets", done=len(manifests)):
        context.manifests[STAGE] = dict(enumerate(manifests))
    publish_rows(context)


def run_partition(context: BuildContext, forgotten: Forgotten | None = None) -> None:
    """Partition the population of a build and file the manifests for the stages that follow."""
    lake = context.lake
    with context.progress.stage(STAGE, total=lake.buckets, unit="buckets") as bar:
        lake.hiding.look_again()
        ledger = lake.hiding.ledger.users if forgotten is None else forgotten
        result = partition(
            context.population,
            lake,
            context.settings.partition,
            ledger,
            lambda done, total: bar.under_way(done * lake.buckets // total),
        )
        for manifest in result.manifests:
            bar.advance(1, manifest.counts)
    context.manifests[STAGE] = {manifest.bucket: manifest for manifest in result.manifests}
    publish_rows(context)


def partition(
    population_folder: str,
    lake: Lake,
    settings: PartitionSettings,
    forgotten: Forgotten,
    progress: Callable[[int, int], None] | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> PartitionResult:
    """Write users, photos, tags and friends of every bucket, unless this very snapshot is partitioned already.

    Parameters
    ----------
    population_folder : see README, "The population folder".
    forgotten : int64 ids that are treated as absent: no row about them is kept, not even in quarantine.
    progress : told rows done and rows to do, reading and writing counted once each.
    memory_bytes : bytes of rows that a shuffle holds before it spills; in all some seven times this, and one bucket.

    Returns
    -------
    manifests with counts `first_row` (row number of the bucket's first user), `users`, `photos`, `tags`, `friends`
    (directed, as kept), `friendships` (undirected, before the limit), `reasons` ("photos.no_uri" and the like: what
    was left out or set aside, and why; `profiling.population.REASONS`, "no_consent", "forgotten", "over_limit") and
    `difference` (see `snapshot_difference`; empty when there was no earlier partition).

    Raises
    ------
    PopulationError
        One line: the snapshot breaks the contract as a whole; nothing was committed.
    LakeError
        The disk is full, or another writer took over.

    Notes
    -----
    Every user is in exactly one bucket, and rows are numbered through the buckets. Of users without consent only
    user_id and row remain. Broken rows stand in `quarantine/<table>.parquet`.
    """
    population = open_population(population_folder)
    forgotten = np.unique(forgotten).astype(np.int64)
    mark = _fingerprint(population, lake, settings, forgotten)
    manifests = _committed(lake, mark)
    if manifests is None:
        with lake.scratch() as scratch:
            steps = _Steps(population, progress)
            work = Work(lake, scratch, forgotten, steps.advance, Tally(lake.buckets), memory_bytes)
            manifests = _write(work, population, settings, mark)
            steps.finish()
    for table in POPULATION:
        lake.write_quarantine(table, lake.read(manifests[0], f"quarantine_{table}"))
    return PartitionResult(mark, manifests, add_counts([manifest.counts for manifest in manifests]))


def add_counts(counts: Sequence[Counts]) -> Counts:
    """The counts of several buckets added up, nested ones too; without `first_row`, which is a place."""
    total: Counts = {}
    for name in dict.fromkeys(name for each in counts for name in each if name != "first_row"):
        values = [each[name] for each in counts if name in each]
        if isinstance(values[0], dict):
            summed: Counter[str] = Counter()
            for value in values:
                summed.update(value)
            total[name] = dict(sorted(summed.items()))
        else:
            total[name] = sum(values)
    return total


class _Steps:
    """Rows done, for the caller's progress bar."""

    def __init__(self, population: Population, progress: Callable[[int, int], None] | None) -> None:
        self._total = 2 * sum(population.rows(table) for table in POPULATION)
        self._done, self._progress = 0, progress

    def advance(self, rows: int) -> None:
        self._done = min(self._done + rows, self._total)
        if self._progress is not None:
            self._progress(self._done, self._total)

    def finish(self) -> None:
        self.advance(self._total)


def _fingerprint(population: Population, lake: Lake, settings: PartitionSettings, forgotten: Forgotten) -> str:
    return fingerprint(
        stage=STAGE,
        logic=LOGIC,
        settings=settings.model_dump(),
        snapshot=population.digest(),
        forgotten=hashlib.blake2b(forgotten.astype("<i8").tobytes(), digest_size=16).hexdigest(),
        buckets=lake.buckets,
        this_year=population.this_year,
    )


def _committed(lake: Lake, mark: str) -> list[Manifest] | None:
    found = [lake.find(STAGE, bucket, mark) for bucket in range(lake.buckets)]
    manifests = [manifest for manifest in found if manifest is not None]
    return manifests if len(manifests) == lake.buckets else None


def _write(work: Work, population: Population, settings: PartitionSettings, mark: str) -> list[Manifest]:
    buckets = range(work.lake.buckets)
    directory = Directory(work, population)
    photos = shuffle_photos(work, population)
    tags = check_tagged(work, add_owners(work, shuffle_tags(work, population), photos), directory)
    directed, friendships = find_high(work, find_low(work, shuffle_friendships(work, population), directory), directory)
    earlier = last_partition(work.lake, mark)
    previous = None if earlier is None else Previous(work.lake, earlier, work.scratch)
    pairs = work.shuffle("tagged-together", PAIRS)
    with contextlib.ExitStack() as stack:
        attempts = [stack.enter_context(work.lake.attempt(STAGE, bucket, mark)) for bucket in buckets]
        sources = (directory, photos, tags, pairs)
        counts = [_write_albums(work, attempts[bucket], bucket, sources, previous) for bucket in buckets]
        pairs.finish()
        for bucket in buckets:
            rows, over = finish_friends(directed, pairs, bucket, settings.friends_per_user)
            attempts[bucket].write("friends", rows.select(FRIENDS.names))
            work.tally.count(bucket, "friends.over_limit", over)
            _compare(counts[bucket], previous, bucket, {"friends": rows.drop_columns(["row", "friend_row"])})
            counts[bucket] |= {"friends": len(rows), "friendships": int(friendships[bucket])}
            counts[bucket]["reasons"] = dict(sorted(work.tally.reasons[bucket].items()))
        for table in POPULATION:
            attempts[0].write(f"quarantine_{table}", work.tally.broken(table))
        population.check_unchanged()
        return [attempt.commit(counts[bucket]) for bucket, attempt in enumerate(attempts)]


def _write_albums(
    work: Work,
    attempt: Attempt,
    bucket: int,
    sources: tuple[Directory, Photos, Shuffle, Shuffle],
    previous: Previous | None,
) -> Counts:
    directory, photos, tags, pairs = sources
    users = directory.users(bucket)
    tables = {
        "users": users,
        "photos": finish_photos(work, photos, users, bucket),
        "tags": finish_tags(work, tags, users, bucket, pairs),
    }
    counts: Counts = {"first_row": int(directory.offsets[bucket]), "difference": {}}
    for name, table in tables.items():
        attempt.write(name, table)
        counts[name] = len(table)
        work.advance(len(table))
    _compare(counts, previous, bucket, tables)
    return counts


def _compare(counts: Counts, previous: Previous | None, bucket: int, tables: dict[str, pa.Table]) -> None:
    if previous is not None:
        counts["difference"] |= previous.compare(bucket, tables)
