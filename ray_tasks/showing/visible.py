"""Who may be shown on a page: users who consent, are still in the population and did not ask to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ray_tasks.generations import Generation, find_generation
from ray_tasks.lake import Lake


class Visible:
    """Tells who of a generation may be shown; reads one bucket at a time.

    A user who consented when the generation was made and has not in the lake's newest one is not shown either.
    """

    def __init__(self, lake: Lake, generation: Generation) -> None:
        self._lake = lake
        newest = find_generation(lake)
        self._snapshots = [generation] if newest.id == generation.id else [generation, newest]
        self._known: dict[int, npt.NDArray[np.int64]] = {}

    def of_bucket(self, bucket: int) -> npt.NDArray[np.int64]:
        """Sorted ids of a bucket's users who may be shown."""
        if bucket not in self._known:
            ids = self._consenting(self._snapshots[0], bucket)
            for snapshot in self._snapshots[1:]:
                ids = np.intersect1d(ids, self._consenting(snapshot, bucket))
            self._known[bucket] = ids
        return self._known[bucket]

    def holds(self, user: int) -> bool:
        """Whether a user is there and may be shown."""
        return bool(np.isin(user, self.of_bucket(self.bucket_of(user))))

    def bucket_of(self, user: int) -> int:
        """The bucket that a user is, or would be, in."""
        return int(self._lake.bucket_of(np.array([user], np.int64))[0])

    def named(self, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of some rows with a `user_id` whose user may be shown."""
        return [row for row in rows if self.holds(int(row["user_id"]))]

    def _consenting(self, generation: Generation, bucket: int) -> npt.NDArray[np.int64]:
        manifest = generation.manifest(self._lake, "partition", bucket)
        users = self._lake.read(manifest, "users", ["user_id", "consent"])
        asked: pa.ChunkedArray = pc.fill_null(users["consent"], True)  # DESIGN: missing = true
        return np.sort(users.filter(asked)["user_id"].to_numpy())
