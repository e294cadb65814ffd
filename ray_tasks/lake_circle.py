"""Who could be on a user's photos, from a lake: the user and the friends that a generation was made with."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa

from ray_tasks.generations import Generation
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.partition_rows import open_user_ids

BUCKETS_HELD = 64  # buckets whose friendships stay in memory


class LakeCircle:
    """The friendships of a generation; a bucket is read when one of its users is asked for."""

    def __init__(self, lake: Lake, generation: Generation) -> None:
        self._lake, self._generation = lake, generation
        self._ids = open_user_ids(lake, fingerprint(buckets=generation.stages["partition"]))
        self._tables = functools.lru_cache(maxsize=BUCKETS_HELD)(self._read)

    def __call__(self, user: int) -> list[int]:
        """Ids of the user and the friends, in row order; nobody where the user is unknown."""
        users, friends = self._tables(int(self._lake.bucket_of(np.array([user], np.int64))[0]))
        place = int(np.searchsorted(users["user_id"].to_numpy(), user))
        if place == len(users) or users["user_id"][place].as_py() != user:
            return []
        row = users["row"][place].as_py()
        start, stop = np.searchsorted(friends["row"].to_numpy(), [row, row + 1])
        rows = np.unique(np.append(friends["friend_row"].to_numpy()[start:stop], row))
        return [int(each) for each in self._ids[rows]]

    def _read(self, bucket: int) -> tuple[pa.Table, pa.Table]:
        manifest = self._generation.manifest(self._lake, "partition", bucket)
        users = self._lake.read(manifest, "users", ["user_id", "row"])
        return users.combine_chunks(), self._lake.read(manifest, "friends", ["row", "friend_row"]).combine_chunks()
