"""A session for tests of one stage: its jobs run in this process, one after the other, and no Ray starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ray_tasks.jobs import BucketJob, run_job
from ray_tasks.lake import Lake, Manifest


class Here:
    """What a stage asks of `RaySession`."""

    def ray(self) -> None:
        """None is needed."""

    def wake(self, jobs: Sequence[BucketJob]) -> None:
        """Nobody sleeps."""

    def run(self, lake: Lake, jobs: Sequence[BucketJob], done: Callable[[Manifest], None]) -> dict[int, Manifest]:
        """Compute and commit each job, unless it was done; `done` hears of each."""
        results = {job.bucket: run_job(lake, job) for job in jobs}
        for manifest in results.values():
            done(manifest)
        return results
