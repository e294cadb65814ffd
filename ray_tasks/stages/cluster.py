"""Stage 4: the faces of every album become clusters, with the evidence that needs no friends' profiles."""

from __future__ import annotations

import numpy as np

from profiling.albums import integers
from profiling.cluster_inputs import album_inputs
from profiling.clusters import cluster_bucket
from profiling.copies import with_rows
from profiling.embedding import load_calibration
from profiling.tallies import count_values
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.copying import TABLE, Earlier
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
    """Tables `clusters`, `members`, `looked` (the rows of `seen` of the selected photos) and `digests` of a bucket.

    Faces are read only of users who are not copied.
    """
    given, calibration = job.arguments, load_calibration(job.arguments["model"])
    source, selected = job.inputs["partition"], job.inputs["select"]
    parts = open_parts(lake, given["faces"], source, selected)
    inputs = {
        "users": lake.read(source, "users"),
        "photos": lake.read(source, "photos"),
        "tags": lake.read(source, "tags"),
        "selection": lake.read(selected, "selection"),
        "seen": parts.seen(),
        "people": lake.read(job.inputs["people"], "people"),
        "viral": lake.read(job.inputs["viral"], "viral"),
    }
    user_id, earlier = integers(inputs["users"]["user_id"]), Earlier(lake, job)
    rules = [LOGIC, given["faces"], given["settings"].model_dump()]
    copies = earlier.copies(user_id, album_inputs(**inputs, rules=rules))
    looked = inputs["seen"]
    inputs |= {"users": copies.rows_of_fresh(inputs["users"])}
    inputs |= {"selection": copies.rows_of_fresh(inputs["selection"], "owner_id")}
    faces = parts.faces(calibration.dim, integers(inputs["selection"]["photo_id"]))
    clusters, members = cluster_bucket(**inputs, faces=faces, calibration=calibration, settings=given["settings"])
    row = np.asarray(lake.read(source, "users", ["row"])["row"], np.int32)
    clusters = with_rows(copies.join(clusters, earlier.reader("clusters"), "cluster"), user_id, row)
    members = copies.join(members, earlier.reader("members"), "photo_id", "face")
    counts = {"clusters": len(clusters), "faces": count_values(members["state"])} | copies.counts()
    return StageOutput({"clusters": clusters, "members": members, "looked": looked, TABLE: copies.table()}, counts)
