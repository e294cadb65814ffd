"""Stage 7: look at the whole generation before anybody relies on it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from profiling.audit import audit_bucket, combine, hubs_of
from profiling.embedding import get_model
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.embed import stage_name
from ray_tasks.stages.face_parts import open_parts
from ray_tasks.stages.score import Round

LOGIC = 1  # raise when the results of this stage change


def audit(context: BuildContext, rounds: list[Round]) -> dict[str, Any]:
    """Audit every bucket, then the whole."""
    jobs = []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, "partition", "select", "cluster", *(f"score-{each.number}" for each in rounds))
        mark = fingerprint(stage="audit", logic=LOGIC, inputs=fingerprints(inputs))
        model = context.settings.embedding.model
        arguments = {"faces": stage_name(context.settings), "dim": get_model(model).dim, "rounds": len(rounds)}
        jobs.append(BucketJob("audit", bucket, mark, compute, inputs, arguments))
    parts = [manifest.counts["audit"] for manifest in context.run("audit", jobs).values()]
    columns = ["user_id", "reason", "profile", "second_profile"]
    tables = [context.lake.read(m, "profiles", columns) for m in context.manifests["score"].values()]
    return combine(parts, hubs_of(pa.concat_tables(tables), context.settings.audit), context.settings.audit)


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """The summary of a bucket, as counts of its manifest."""
    source, selected, clusters = job.inputs["partition"], job.inputs["select"], job.inputs["cluster"]
    parts = open_parts(lake, job.arguments["faces"], source, selected)
    rounds = [job.inputs[f"score-{number}"] for number in range(job.arguments["rounds"])]
    found = audit_bucket(
        users=lake.read(source, "users"),
        profiles=[lake.read(each, "profiles") for each in rounds],
        clusters=lake.read(clusters, "clusters"),
        members=lake.read(clusters, "members"),
        selection=lake.read(selected, "selection"),
        seen=parts.seen(),
        faces=parts.faces(job.arguments["dim"]),
        scores=[lake.read(each, "scores") for each in rounds],
    )
    return StageOutput({}, {"audit": found})
