"""Stage 5, before its first round: look for every cluster in the albums of its owner's friends.

It depends on clusters and friendships alone, so it runs once a generation. The clusters of the population stand in
files of fixed-width rows that every bucket gathers from, as the profiles of a round do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.across_inputs import across_inputs, album_digests
from profiling.albums import Ints, find, integers, numbers
from profiling.co_occurrence import FriendsAlbums, Rows, co_occurrence
from profiling.digests import Digests
from profiling.embedding import get_model
from profiling.tables import ACROSS_EVIDENCE, CO_OCCURRENCE
from profiling.vectors import unpack_vectors
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.rows import open_rows, write_rows
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.copying import TABLE, Earlier
from ray_tasks.stages.partition_rows import bucket_friends
from ray_tasks.stages.score import distance_scale

LOGIC = 1  # raise when the results of this stage change
STAGE = "co_occurrence"
NEEDED = ("user_id", "row", "cluster", "share", "centroid")  # columns of `clusters`


def compare_albums(context: BuildContext) -> None:
    """Run the stage over all buckets."""
    rows, scale = _publish(context), distance_scale(context.settings)
    jobs = []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, "partition", "cluster")
        mark = fingerprint(stage=STAGE, logic=LOGIC, inputs=fingerprints(inputs), rows=rows, eps=scale)
        jobs.append(BucketJob(STAGE, bucket, mark, compute, inputs, {"rows": rows, "eps": scale}))
    context.run(STAGE, jobs)


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """Tables `co_occurrence` and `digests` of a bucket."""
    rows, eps = job.arguments["rows"], job.arguments["eps"]
    users = lake.read(job.inputs["partition"], "users", ["user_id", "row"])
    indptr, friends = bucket_friends(lake, job.inputs["partition"], users)
    known = open_rows(lake, "cluster-digests", rows).view(np.uint64)
    earlier, user_id = Earlier(lake, job), integers(users["user_id"])
    digests = across_inputs(integers(users["row"]), indptr, friends, known, [LOGIC, eps])
    copies = earlier.copies(user_id, digests)
    clusters = copies.rows_of_fresh(lake.read(job.inputs["cluster"], "clusters", list(NEEDED)))
    table = copies.join(_compare(lake, rows, clusters, user_id, indptr, friends, eps), earlier.reader(STAGE), "cluster")
    guests = int(np.count_nonzero(numbers(table["co_occurrence"]) > 0))
    counts = {"clusters": len(table), "guests": guests} | copies.counts()
    return StageOutput({STAGE: table, TABLE: copies.table()}, counts)


def _compare(
    lake: Lake, rows: str, clusters: pa.Table, user_id: Ints, indptr: Ints, friends: Rows, eps: float
) -> pa.Table:
    """Table `co_occurrence` of some clusters."""
    albums = FriendsAlbums(
        offsets=open_rows(lake, "cluster-offsets", rows).view(np.int64),
        centroids=open_rows(lake, "cluster-centroids", rows).view(np.float16),
        shares=open_rows(lake, "cluster-shares", rows).view(np.float32),
    )
    found = co_occurrence(
        find(integers(clusters["user_id"]), user_id)[0],
        unpack_vectors(clusters["centroid"]),
        np.asarray(clusters["share"], np.float32),
        indptr,
        friends,
        albums,
        eps,
    )
    columns = [pa.array(getattr(found, name)) for name in ACROSS_EVIDENCE]
    return pa.table([clusters["user_id"], clusters["cluster"], *columns], schema=CO_OCCURRENCE)


def _publish(context: BuildContext) -> str:
    """Write the population's clusters once, bucket by bucket; returns the name of the rows."""
    lake, manifests = context.lake, context.manifests["cluster"]
    ledger = lake.hiding.ledger
    hidden = {"hidden": ledger.version} if ledger.version else {}  # the rows of the forgotten are not among these
    mark = fingerprint(buckets=[manifest.fingerprint for manifest in manifests.values()], **hidden)
    dim = get_model(context.settings.embedding.model).dim
    write_rows(lake, "cluster-offsets", mark, (context.users() + 1,), np.int64, _offsets(context))
    count = int(open_rows(lake, "cluster-offsets", mark)[-1])
    write_rows(lake, "cluster-shares", mark, (count,), np.float32, _column(context, "share"))
    write_rows(lake, "cluster-centroids", mark, (count, dim), np.float16, _column(context, "centroid"))
    write_rows(lake, "cluster-digests", mark, (context.users(), 2), np.uint64, _digests(context))
    return mark


def _offsets(context: BuildContext) -> Iterator[npt.NDArray[np.int64]]:
    yield np.zeros(1, np.int64)
    total = 0
    for bucket, manifest in context.manifests["cluster"].items():
        users = integers(context.lake.read(context.manifests["partition"][bucket], "users", ["row"])["row"])
        rows = integers(context.lake.read(manifest, "clusters", ["row"])["row"])
        yield np.searchsorted(rows, users, side="right") + total
        total += len(rows)


def _digests(context: BuildContext) -> Iterator[Digests]:
    for bucket, manifest in context.manifests["cluster"].items():
        users = integers(context.lake.read(context.manifests["partition"][bucket], "users", ["row"])["row"])
        yield album_digests(context.lake.read(manifest, "clusters", ["row", "cluster", "share", "centroid"]), users)


def _column(context: BuildContext, name: str) -> Iterator[npt.NDArray[Any]]:
    for manifest in context.manifests["cluster"].values():
        column = context.lake.read(manifest, "clusters", [name])[name]
        yield unpack_vectors(column) if name == "centroid" else np.asarray(column)
