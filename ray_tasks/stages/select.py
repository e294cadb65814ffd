"""Stage 1: the best photos of every owner, by metadata alone."""

from __future__ import annotations

from profiling.selection import select_photos
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.context import BuildContext, fingerprints

LOGIC = 1  # raise when the results of this stage change


def select(context: BuildContext) -> None:
    """Run the stage over all buckets."""
    settings = context.settings.selection
    chosen = settings.model_dump(exclude={"broaden"})  # that is broaden.py's
    jobs = []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, "partition")
        mark = fingerprint(stage="select", logic=LOGIC, inputs=fingerprints(inputs), settings=chosen)
        jobs.append(BucketJob("select", bucket, mark, compute, inputs, {"settings": settings}))
    context.run("select", jobs)


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """Table `selection` of a bucket."""
    source = job.inputs["partition"]
    selection = select_photos(lake.read(source, "photos"), lake.read(source, "tags"), job.arguments["settings"])
    return StageOutput({"selection": selection}, {"photos": len(selection)})
