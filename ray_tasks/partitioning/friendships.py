"""Friendships: once to each of the two users for row number and consent, then in both directions to their buckets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.hashing import splitmix64
from profiling.population import Population, cap_friends, mark_tagged_together
from ray_tasks.partitioning.users import Directory
from ray_tasks.partitioning.work import Ids, Mask, Work, ids_of, select, sort_rows
from ray_tasks.shuffle import Shuffle

_PAIRS = pa.schema([("low", pa.int64()), ("high", pa.int64()), ("turned", pa.int8())])
_HALVES = _PAIRS.append(pa.field("low_row", pa.int32()))
DIRECTED = pa.schema(
    [("user_id", pa.int64()), ("friend_id", pa.int64()), ("row", pa.int32()), ("friend_row", pa.int32())]
)


def shuffle_friendships(work: Work, population: Population) -> Shuffle:
    """Stream the friendships to the bucket of the smaller id; `turned` remembers that it stood second."""
    pairs = work.shuffle("friendships", _PAIRS)
    for checked in population.batches("friendships"):
        left, right = ids_of(checked.rows, "user_a"), ids_of(checked.rows, "user_b")
        gone = work.is_forgotten(left) | work.is_forgotten(right)
        work.tally.count(0, "friendships.forgotten", int(gone.sum()))
        columns = [np.minimum(left, right), np.maximum(left, right), (left > right).astype(np.int8)]
        rows = pa.table([pa.array(column) for column in columns], schema=_PAIRS)
        work.send(pairs, select(rows, ~gone), "low")
        work.tally.set_aside(0, "friendships", work.without_forgotten(checked)[0])
        work.advance(len(checked.rows))
    pairs.finish()
    return pairs


def find_low(work: Work, pairs: Shuffle, directory: Directory) -> Shuffle:
    """Count each pair once, find the first user, and go on to the second."""
    halves = work.shuffle("friendships-low", _HALVES)
    for bucket in range(work.lake.buckets):
        rows = sort_rows(pairs.read(bucket), "low", "high", "turned")
        low, high = ids_of(rows, "low"), ids_of(rows, "high")
        repeated = np.zeros(len(rows), np.bool_)
        repeated[1:] = (low[1:] == low[:-1]) & (high[1:] == high[:-1])
        _set_aside(work, bucket, rows, repeated, "repeated")
        rows = select(rows, ~repeated)
        numbers, consent = _find(work, directory, bucket, rows, "low")
        rows = rows.append_column("low_row", pa.array(numbers))
        work.send(halves, select(rows, consent), "high")
    halves.finish()
    pairs.drop()
    return halves


def find_high(work: Work, halves: Shuffle, directory: Directory) -> tuple[Shuffle, npt.NDArray[np.int64]]:
    """Find the second user, and send the friendship to both; also how many were found, by the second one's bucket."""
    directed = work.shuffle("friends", DIRECTED)
    found = np.zeros(work.lake.buckets, np.int64)
    for bucket in range(work.lake.buckets):
        rows = halves.read(bucket)
        numbers, consent = _find(work, directory, bucket, rows, "high")
        rows, high_row = select(rows, consent), numbers[consent]
        found[bucket] = len(rows)
        low, high, low_row = (rows[name].to_numpy() for name in ("low", "high", "low_row"))
        for columns in ([low, high, low_row, high_row], [high, low, high_row, low_row]):
            work.send(directed, pa.table([pa.array(column) for column in columns], schema=DIRECTED), "user_id")
    directed.finish()
    halves.drop()
    return directed, found


def finish_friends(directed: Shuffle, pairs: Shuffle, bucket: int, limit: int) -> tuple[pa.Table, int]:
    """Friends of a bucket's users, sorted by row and friend_row, at most `limit` each; and how many were too many.

    Returns
    -------
    DIRECTED with a column tagged_together; int.
    """
    rows = directed.read(bucket)
    users, friends = ids_of(rows, "user_id"), ids_of(rows, "friend_id")
    together_pairs = pairs.read(bucket)
    others = ids_of(together_pairs, "user_id"), ids_of(together_pairs, "other_id")
    together = mark_tagged_together(users, friends, *others)
    kept = cap_friends(rows["row"].to_numpy(), together, hash_pairs(users, friends), limit)
    capped = rows.append_column("tagged_together", pa.array(together)).take(pa.array(kept))
    return sort_rows(capped, "row", "friend_row"), len(rows) - len(kept)


def hash_pairs(left: Ids, right: Ids) -> npt.NDArray[np.uint64]:
    """A hash of each pair of ids that does not depend on their order."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    return splitmix64(splitmix64(low) ^ high.view(np.uint64))


def _find(
    work: Work, directory: Directory, bucket: int, rows: pa.Table, name: str
) -> tuple[npt.NDArray[np.int32], Mask]:
    numbers, consent = directory.find(bucket, ids_of(rows, name))
    _set_aside(work, bucket, rows, numbers < 0, "unknown_user")
    work.tally.count(bucket, "friendships.no_consent", int(((numbers >= 0) & ~consent).sum()))
    return numbers, consent


def _set_aside(work: Work, bucket: int, rows: pa.Table, where: Mask, reason: str) -> None:
    rows = select(rows, where)
    turned = rows["turned"].to_numpy() == 1
    low, high = ids_of(rows, "low"), ids_of(rows, "high")
    given = pa.table({"user_a": np.where(turned, high, low), "user_b": np.where(turned, low, high)})
    work.tally.set_aside_rows(bucket, "friendships", given, np.ones(len(rows), np.bool_), reason)
