"""The unit of work: one bucket of one stage, computed by a pure function and committed by one manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ray_tasks.lake import Lake, Manifest


@dataclass(frozen=True)
class StageOutput:
    """What a stage makes of a bucket: its tables, and counts for the manifest (JSON values)."""

    tables: Mapping[str, pa.Table]
    counts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BucketJob:
    """What to compute, from which committed results, and the fingerprint under which the result is filed.

    `compute` is a module-level function of the lake and the job; it reads its inputs, writes nothing, and gives the
    same output whenever it is called, so a job may be tried again anywhere.

    `earlier` are results of the same stage and bucket for other inputs, from which it may copy users whose inputs are
    the same; the output does not depend on them.
    """

    stage: str
    bucket: int
    fingerprint: str
    compute: Callable[[Lake, BucketJob], StageOutput]
    inputs: Mapping[str, Manifest] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    earlier: tuple[Manifest, ...] = ()


def split_done(lake: Lake, jobs: Iterable[BucketJob]) -> tuple[dict[int, Manifest], list[BucketJob]]:
    """What is committed already, by bucket, and the jobs that remain."""
    done: dict[int, Manifest] = {}
    remaining = []
    for job in jobs:
        found = lake.find(job.stage, job.bucket, job.fingerprint)
        if found is None:
            remaining.append(job)
        else:
            done[job.bucket] = found
    return done, remaining


def run_job(lake: Lake, job: BucketJob) -> Manifest:
    """Compute and commit one bucket, unless an earlier try did it."""
    found = lake.find(job.stage, job.bucket, job.fingerprint)
    if found is not None:
        return found
    output = job.compute(lake, job)
    with lake.attempt(job.stage, job.bucket, job.fingerprint) as attempt:
        for name, table in output.tables.items():
            attempt.write(name, table)
        return attempt.commit(output.counts)
