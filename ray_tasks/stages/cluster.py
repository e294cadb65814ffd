"""Stage 4: the faces of every album become clusters, with the evidence that needs no friends' profiles."""

from __future__ import annotations

from profiling.clusters import cluster_bucket
from profiling.embedding import load_calibration
from profiling.tallies import count_values
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.embed import stage_name
from ray_tasks.stages.face_parts import open_parts

LOGIC = 4  # raise when the results of this stage change


def cluster(context: BuildContext) -> None:
    """Run the stage over all buckets."""
    lake, settings = context.lake, context.settings.clustering
    model = context.settings.embedding.model
    key = stage_name(context.settings)
    jobs = []
    for bucket in range(lake.buckets):
        inputs = context.inputs(bucket, "partition", "select", "people")
        found = context.manifests["viral"][bucket]
        mark = fingerprint(
            stage="cluster",
            logic=LOGIC,
            inputs=fingerprints(inputs),
            faces=[key, found.counts["looked_at"]],
            viral=found.counts["digest"],
            settings=settings.model_dump(),
        )
        arguments = {"settings": settings, "model": model, "faces": key}
        jobs.append(BucketJob("cluster", bucket, mark, compute, inputs | {"viral": found}, arguments))
    context.run("cluster", jobs)


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """Tables `clusters`, `members` and `looked` (the rows of `seen` of the selected photos) of a bucket."""
    calibration = load_calibration(job.arguments["model"])
    source, selected = job.inputs["partition"], job.inputs["select"]
    parts = open_parts(lake, job.arguments["faces"], source, selected)
    seen = parts.seen()
    clusters, members = cluster_bucket(
        users=lake.read(source, "users"),
        photos=lake.read(source, "photos"),
        tags=lake.read(source, "tags"),
        selection=lake.read(selected, "selection"),
        seen=seen,
        faces=parts.faces(calibration.dim),
        people=lake.read(job.inputs["people"], "people"),
        calibration=calibration,
        settings=job.arguments["settings"],
        viral=lake.read(job.inputs["viral"], "viral"),
    )
    tables = {"clusters": clusters, "members": members, "looked": seen}
    return StageOutput(tables, {"clusters": len(clusters), "faces": count_values(members["state"])})
