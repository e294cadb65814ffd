"""The population's rows that later stages look up across buckets: friends as CSR, user ids, stated birth years."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graph.friendships import Friendships
from profiling.digests import Digests
from profiling.people_inputs import friend_lists
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.rows import open_rows, write_rows
from ray_tasks.stages.context import BuildContext, Manifests


def rows_mark(manifests: Manifests) -> str:
    """The name of a partition's row files."""
    return fingerprint(buckets=[manifest.fingerprint for manifest in manifests.values()])


def publish_rows(context: BuildContext) -> str:
    """Write friends and birth years of the whole population once, bucket by bucket; returns their name."""
    lake, manifests = context.lake, context.manifests["partition"]
    mark, users = rows_mark(manifests), context.users()
    edges = sum(int(manifest.counts["friends"]) for manifest in manifests.values())
    write_rows(lake, "birth-years", mark, (users,), np.float32, _birth_years(lake, manifests))
    write_rows(lake, "user-ids", mark, (users,), np.int64, _user_ids(lake, manifests))
    write_rows(lake, "friend-offsets", mark, (users + 1,), np.int64, _offsets(lake, manifests))
    write_rows(lake, "friend-rows", mark, (edges,), np.int32, _friend_rows(lake, manifests))
    write_rows(lake, "friend-lists", mark, (users, 2), np.uint64, _friend_lists(lake, manifests, mark))
    return mark


def open_friendships(lake: Lake, mark: str) -> Friendships:
    """The friendships of the whole population, memory-mapped."""
    offsets, rows = open_rows(lake, "friend-offsets", mark), open_rows(lake, "friend-rows", mark)
    return Friendships.of_chunks([(offsets, rows)])  # type: ignore[list-item]


def open_birth_years(lake: Lake, mark: str) -> npt.NDArray[np.float32]:
    """Stated birth years by row, memory-mapped; NaN = not stated."""
    return open_rows(lake, "birth-years", mark)  # type: ignore[return-value]


def open_user_ids(lake: Lake, mark: str) -> npt.NDArray[np.int64]:
    """User ids by row, memory-mapped."""
    return open_rows(lake, "user-ids", mark)  # type: ignore[return-value]


def open_friend_lists(lake: Lake, mark: str) -> Digests:
    """Digests of the users' lists of friends by row, memory-mapped."""
    return open_rows(lake, "friend-lists", mark)  # type: ignore[return-value]


def bucket_friends(
    lake: Lake, partition: Manifest, users: pa.Table
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Friends of a bucket's users: offsets int64 [users + 1] and rows int32, in the order of `users`."""
    friends = lake.read(partition, "friends", ["row", "friend_row"])
    first = users["row"].to_numpy()
    counts = np.searchsorted(friends["row"].to_numpy(), first, side="right")
    return np.concatenate([[0], counts]).astype(np.int64), friends["friend_row"].to_numpy()


def _birth_years(lake: Lake, manifests: Manifests) -> Iterator[npt.NDArray[np.float32]]:
    for manifest in manifests.values():
        years = lake.read(manifest, "users", ["birth_year"])["birth_year"]
        yield years.cast(pa.float32()).to_numpy(zero_copy_only=False)


def _user_ids(lake: Lake, manifests: Manifests) -> Iterator[npt.NDArray[np.int64]]:
    for manifest in manifests.values():
        yield lake.read(manifest, "users", ["user_id"])["user_id"].to_numpy()


def _offsets(lake: Lake, manifests: Manifests) -> Iterator[npt.NDArray[np.int64]]:
    yield np.zeros(1, np.int64)
    total = 0
    for manifest in manifests.values():
        users = lake.read(manifest, "users", ["row"])
        offsets, _ = bucket_friends(lake, manifest, users)
        yield offsets[1:] + total
        total += int(offsets[-1])


def _friend_lists(lake: Lake, manifests: Manifests, mark: str) -> Iterator[Digests]:
    ids = open_user_ids(lake, mark)
    for manifest in manifests.values():
        offsets, friends = bucket_friends(lake, manifest, lake.read(manifest, "users", ["row"]))
        yield friend_lists(np.asarray(ids[friends]), offsets)


def _friend_rows(lake: Lake, manifests: Manifests) -> Iterator[npt.NDArray[np.int32]]:
    for manifest in manifests.values():
        yield lake.read(manifest, "friends", ["friend_row"])["friend_row"].to_numpy()
