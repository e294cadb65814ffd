"""Stage 7: look at the whole generation before anybody relies on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from profiling.audit import Change, audit_bucket, combine, hubs_of
from profiling.audit.change import Before
from profiling.embedding import get_model
from ray_tasks.generations import Generation, generations
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.embed import stage_name
from ray_tasks.stages.face_parts import open_parts
from ray_tasks.stages.score import Round, distance_scale

LOGIC = 2  # raise when the results of this stage change


def audit(context: BuildContext, rounds: list[Round]) -> dict[str, Any]:
    """Audit every bucket, then the whole; compared with the last generation of the lake, where there is one."""
    model = get_model(context.settings.embedding.model)
    last = last_generation(context.lake)
    before = {} if last is None else last_profiles(context.lake, last)
    comparison = {
        "comparable": last is not None and last.artefacts["model"] == model.vectors_id,
        "moved_cosine": context.settings.scoring.moved_cosine,
        "other_distance": distance_scale(context.settings),
    }
    stages = ("partition", "select", "people", "cluster", *(f"score-{each.number}" for each in rounds))
    jobs = []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, *stages)
        if before:
            inputs["before"] = before[bucket]
        mark = fingerprint(stage="audit", logic=LOGIC, inputs=fingerprints(inputs), comparison=comparison)
        arguments = {"faces": stage_name(context.settings), "dim": model.dim, "rounds": len(rounds)} | comparison
        jobs.append(BucketJob("audit", bucket, mark, compute, inputs, arguments))
    parts = [manifest.counts["audit"] for manifest in context.run("audit", jobs).values()]
    columns = ["user_id", "reason", "profile", "second_profile"]
    tables = [context.lake.read(m, "profiles", columns) for m in context.manifests["score"].values()]
    since = Change(last.id, last.created) if last is not None and before else None
    settings = context.settings.audit
    found = combine(parts, hubs_of(pa.concat_tables(tables), settings), settings, since)
    found["rounds"] = [row | {"margin": each.margin} for row, each in zip(found["rounds"], rounds, strict=True)]
    return found


def last_generation(lake: Lake) -> Generation | None:
    """The newest generation that is finished."""
    found = generations(lake)
    return found[-1] if found else None


def last_profiles(lake: Lake, generation: Generation) -> Mapping[int, Manifest]:
    """By bucket, the results that hold its profiles; empty when they are gone, or the buckets are others."""
    marks = generation.stages[generation.last_round]
    found = {bucket: lake.find(generation.last_round, bucket, mark) for bucket, mark in enumerate(marks)}
    there = {bucket: manifest for bucket, manifest in found.items() if manifest is not None}
    return there if len(there) == lake.buckets == len(marks) else {}


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """The summary of a bucket, as counts of its manifest."""
    source, selected, clusters = job.inputs["partition"], job.inputs["select"], job.inputs["cluster"]
    given = job.arguments
    parts = open_parts(lake, given["faces"], source, selected)
    rounds = [job.inputs[f"score-{number}"] for number in range(given["rounds"])]
    before = None
    if "before" in job.inputs:
        then = lake.read(job.inputs["before"], "profiles", ["user_id", "reason", "profile", "second_profile"])
        before = Before(then, given["comparable"], given["moved_cosine"], given["other_distance"])
    found = audit_bucket(
        users=lake.read(source, "users"),
        people=lake.read(job.inputs["people"], "people"),
        profiles=[lake.read(each, "profiles") for each in rounds],
        clusters=lake.read(clusters, "clusters"),
        members=lake.read(clusters, "members"),
        selection=lake.read(selected, "selection"),
        seen=parts.seen(),
        faces=parts.faces(given["dim"]),
        scores=[lake.read(each, "scores") for each in rounds],
        before=before,
    )
    return StageOutput({}, {"audit": found})
