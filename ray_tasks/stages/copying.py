"""Reading the results that a job may copy from."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from profiling.albums import Ints
from profiling.copies import Copies
from profiling.digests import Digests
from ray_tasks.jobs import BucketJob
from ray_tasks.lake import Lake

TABLE = "digests"  # beside the results of every stage that copies
Reader = Callable[[int], pa.Table]


class Earlier:
    """The earlier results of a job that tell whose inputs they are of."""

    def __init__(self, lake: Lake, job: BucketJob) -> None:
        self._lake = lake
        self._manifests = [each for each in job.earlier if TABLE in each.files]

    def copies(self, user_id: Ints, digests: Digests) -> Copies:
        """Which users of the bucket, ascending, need not be computed."""
        return Copies.of(user_id, digests, [self._lake.read(each, TABLE) for each in self._manifests])

    def reader(self, name: str) -> Reader:
        """Table `name` of an earlier result, by its number."""
        return lambda number: self._lake.read(self._manifests[number], name)
