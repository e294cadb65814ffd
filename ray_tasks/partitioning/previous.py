"""The partition before this one, read back so that the two snapshots can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.population import snapshot_difference
from ray_tasks.lake import Lake, Manifest


def last_partition(lake: Lake, fingerprint: str) -> list[Manifest] | None:
    """The newest complete partition of another snapshot than `fingerprint`'s, by bucket; None = there is none."""
    newest = [m for m in lake.results("partition", lake.buckets - 1) if m.fingerprint != fingerprint]
    for last in reversed(newest):
        found = [lake.find("partition", bucket, last.fingerprint) for bucket in range(lake.buckets)]
        manifests = [manifest for manifest in found if manifest is not None]
        if len(manifests) == lake.buckets:
            return manifests
    return None


class Previous:
    """An earlier partition to compare with, one bucket in memory at a time.

    Row numbers shift from one snapshot to the next, so friends are compared by id: the ids of all rows stand in a
    memory-mapped file in `scratch`, not in memory.
    """

    def __init__(self, lake: Lake, manifests: Sequence[Manifest], scratch: Path) -> None:
        self._lake, self._manifests = lake, manifests
        path = scratch / "previous-user-ids"
        with path.open("wb") as file:
            for manifest in manifests:
                lake.read(manifest, "users", ["user_id"])["user_id"].to_numpy().tofile(file)
        users = sum(int(manifest.counts["users"]) for manifest in manifests)
        self._ids: npt.NDArray[np.int64] = np.memmap(path, np.int64, mode="r", shape=(users,))

    def compare(self, bucket: int, tables: Mapping[str, pa.Table]) -> dict[str, int]:
        """What `snapshot_difference` counts between the earlier tables of a bucket and these."""
        before = {name: self._read(bucket, name) for name in tables}
        return snapshot_difference(before, tables)

    def _read(self, bucket: int, name: str) -> pa.Table:
        table = self._lake.read(self._manifests[bucket], name)
        if name != "friends":
            return table
        users, friends = self._ids[table["row"].to_numpy()], self._ids[table["friend_row"].to_numpy()]
        return pa.table({"user_id": users, "friend_id": friends, "tagged_together": table["tagged_together"]})
