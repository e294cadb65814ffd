"""Stage 4: the faces of every album become clusters, with the evidence that needs no friends' profiles."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.clusters import cluster_bucket
from profiling.embedding import load_calibration
from profiling.tables import SEEN, faces_schema
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.embed import stage_name

LOGIC = 1  # raise when the results of this stage change


def cluster(context: BuildContext) -> None:
    """Run the stage over all buckets."""
    lake, settings = context.lake, context.settings.clustering
    model = context.settings.embedding.model
    key = stage_name(context.settings)
    jobs = []
    for bucket in range(lake.buckets):
        inputs = context.inputs(bucket, "partition", "select", "people")
        parts = lake.results(key, bucket)
        chosen = lake.read(inputs["select"], "selection", ["photo_id"])
        looked_at = seen_digest(read_seen(lake, parts, chosen))
        mark = fingerprint(
            stage="cluster",
            logic=LOGIC,
            inputs=fingerprints(inputs),
            faces=[key, looked_at],
            settings=settings.model_dump(),
        )
        arguments = {"settings": settings, "model": model, "parts": parts}
        jobs.append(BucketJob("cluster", bucket, mark, compute, inputs, arguments))
    context.run("cluster", jobs)


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """Tables `clusters`, `members` and `looked` (the rows of `seen` of the selected photos) of a bucket."""
    calibration = load_calibration(job.arguments["model"])
    source, parts = job.inputs["partition"], job.arguments["parts"]
    selection = lake.read(job.inputs["select"], "selection")
    seen = read_seen(lake, parts, selection)
    clusters, members = cluster_bucket(
        users=lake.read(source, "users"),
        photos=lake.read(source, "photos"),
        tags=lake.read(source, "tags"),
        selection=selection,
        seen=seen,
        faces=read_faces(lake, parts, selection, calibration.dim),
        people=lake.read(job.inputs["people"], "people"),
        calibration=calibration,
        settings=job.arguments["settings"],
    )
    states, counts = np.unique(members["state"].to_numpy(zero_copy_only=False).astype(str), return_counts=True)
    found = dict(zip(states.tolist(), counts.tolist(), strict=True))
    tables = {"clusters": clusters, "members": members, "looked": seen}
    return StageOutput(tables, {"clusters": len(clusters), "faces": found})


def read_faces(lake: Lake, parts: list[Manifest], selection: pa.Table, dim: int) -> pa.Table:
    """The faces of the selected photos, sorted by photo_id, face, whatever parts they lie in."""
    return _read(lake, parts, "faces", selection, faces_schema(dim)).sort_by(
        [("photo_id", "ascending"), ("face", "ascending")]
    )


def read_seen(lake: Lake, parts: list[Manifest], selection: pa.Table) -> pa.Table:
    """What is known of the selected photos, sorted by photo_id."""
    return _read(lake, parts, "seen", selection, SEEN).sort_by("photo_id")


def seen_digest(seen: pa.Table) -> str:
    """16 bytes in hex of which bytes were seen, so that parts cut otherwise count as the same faces."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("photo_id", "version", "reason", "content_hash"):
        for value in seen[name].to_pylist():
            digest.update(repr(value).encode())
    return digest.hexdigest()


def _read(lake: Lake, parts: list[Manifest], table: str, selection: pa.Table, schema: pa.Schema) -> pa.Table:
    wanted = selection["photo_id"].combine_chunks()
    pieces = [schema.empty_table()]
    for part in parts:
        piece = lake.read(part, table)
        pieces.append(piece.filter(pc.is_in(piece["photo_id"], value_set=wanted)).cast(schema))
    return pa.concat_tables(pieces).combine_chunks()
