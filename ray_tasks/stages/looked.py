"""Stage 2, last: what the parts of a bucket hold of its selected photos, noted once for all runs that come after.

A run that finds everything seen reads these counts, and no table of photos.
"""

from __future__ import annotations

from profiling.tallies import count_values
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake
from ray_tasks.lake import fingerprint as fingerprint_of
from ray_tasks.stages.context import BuildContext, Manifests, fingerprints
from ray_tasks.stages.face_parts import LOOKED_AT, open_parts

LOGIC = 1  # raise when the results of this stage change
STAGE = "looked"


def look_over(context: BuildContext, parts: str) -> Manifests:
    """Count what the parts of face key `parts` hold, in the buckets where parts or selection have changed.

    Returns
    -------
    By bucket, counts `photos`, `faces`, `reasons`, `failed` (photos that could not be read) and `digest` (which bytes
    were seen).
    """
    return context.run(STAGE, [_job(context, parts, bucket) for bucket in range(context.lake.buckets)])


def failed_photos(context: BuildContext, parts: str, bucket: int) -> int | None:
    """Photos of a bucket that could not be read; None when not all are seen, or nobody has counted."""
    job = _job(context, parts, bucket)
    found = context.lake.find(STAGE, bucket, job.fingerprint)
    return None if found is None else int(found.counts["failed"])


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """The counts of a bucket."""
    parts = open_parts(lake, job.arguments["parts"], job.inputs["partition"], job.inputs["select"])
    seen = parts.seen()
    reasons = count_values(seen["reason"])
    counts = {
        "photos": len(seen),
        "faces": sum(seen["faces"].to_pylist()),
        "reasons": reasons,
        "failed": sum(count for reason, count in reasons.items() if reason not in LOOKED_AT),
        "digest": parts.digest(),
    }
    return StageOutput({}, counts)


def _job(context: BuildContext, parts: str, bucket: int) -> BucketJob:
    inputs = context.inputs(bucket, "partition", "select")
    mark = fingerprint_of(
        stage=STAGE,
        logic=LOGIC,
        inputs=fingerprints(inputs),
        faces=parts,
        parts=sorted(part.fingerprint for part in context.lake.results(parts, bucket)),
    )
    return BucketJob(STAGE, bucket, mark, compute, inputs, {"parts": parts})
