"""Stage 3, first: what friends' years say in this population, and a first guess at everybody's.

Two passes over the buckets: one counts friendships by the years of both ends and makes the cohort table, an artefact;
the other guesses, and the guesses of all buckets become rows that the friends' buckets look up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graph.cohorts import YEARS, CohortCounts, CohortTable, count_cohorts
from graph.guesses import Guesses, guess_years
from profiling.tables import COHORTS, GUESSES
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.rows import open_rows, write_rows
from ray_tasks.stages.artefacts import fit_once, read_artefact
from ray_tasks.stages.context import BuildContext, Manifests, fingerprints
from ray_tasks.stages.partition_rows import open_birth_years, open_friendships, rows_mark

LOGIC = 1  # raise when the results of this stage change
GUESS_BYTES = 4  # two years and their votes, see graph/guesses.py


def fit_cohorts(context: BuildContext) -> str:
    """Fit the cohort table of the population; returns the artefact's id."""
    manifests = _run(context, "cohorts", compute_cohorts, "")

    def fit() -> CohortTable:
        return CohortTable.of_counts(_counts_of(context.lake.read(each, "cohorts")) for each in manifests.values())

    return fit_once(context, "cohorts", LOGIC, manifests, fit)


def read_cohorts(lake: Lake, cohorts_id: str) -> CohortTable:
    """A fitted cohort table."""
    return CohortTable.from_json(read_artefact(lake, "cohorts", cohorts_id))


def publish_guesses(context: BuildContext, cohorts: str) -> str:
    """Guess everybody's year and write the guesses as rows of the population; returns the rows' name."""
    manifests = _run(context, "guesses", compute_guesses, cohorts)
    mark = fingerprint(buckets=[manifest.fingerprint for manifest in manifests.values()])
    write_rows(
        context.lake, "guesses", mark, (context.users(), GUESS_BYTES), np.uint8, _guess_rows(context.lake, manifests)
    )
    return mark


def open_guesses(lake: Lake, mark: str) -> Guesses:
    """The guesses by row, memory-mapped."""
    return open_rows(lake, "guesses", mark)  # type: ignore[return-value]


def compute_cohorts(lake: Lake, job: BucketJob) -> StageOutput:
    """Table `cohorts` of a bucket: friendships by the years of both ends."""
    rows, mark = _rows(lake, job), job.arguments["rows"]
    users, pairs = count_cohorts(rows, open_friendships(lake, mark), open_birth_years(lake, mark))
    alone, (own, friend) = np.flatnonzero(users), np.nonzero(pairs)
    table = pa.table(
        {
            "year": np.concatenate([alone, own]),
            "friend_year": pa.concat_arrays([pa.nulls(len(alone), pa.int64()), pa.array(friend)]),
            "count": np.concatenate([users[alone], pairs[own, friend]]),
        }
    )
    return StageOutput({"cohorts": table.cast(COHORTS)}, {"confirmed_years": int(users.sum())})


def compute_guesses(lake: Lake, job: BucketJob) -> StageOutput:
    """Table `guesses` of a bucket."""
    rows, mark = _rows(lake, job), job.arguments["rows"]
    cohorts = read_cohorts(lake, job.arguments["cohorts"])
    found = guess_years(rows, open_friendships(lake, mark), open_birth_years(lake, mark), cohorts)
    packed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(GUESS_BYTES), len(found), [None, pa.py_buffer(np.ascontiguousarray(found).tobytes())]
    )
    table = pa.table({"row": pa.array(rows, pa.int32()), "guess": packed}, schema=GUESSES)
    return StageOutput({"guesses": table}, {"guesses": int(np.count_nonzero(found[:, 1]))})


def _run(
    context: BuildContext, stage: str, compute: Callable[[Lake, BucketJob], StageOutput], cohorts: str
) -> Manifests:
    mark, jobs = rows_mark(context.manifests["partition"]), []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, "partition")
        what = fingerprint(stage=stage, logic=LOGIC, inputs=fingerprints(inputs), rows=mark, cohorts=cohorts)
        jobs.append(BucketJob(stage, bucket, what, compute, inputs, {"rows": mark, "cohorts": cohorts}))
    return context.run(stage, jobs)


def _rows(lake: Lake, job: BucketJob) -> npt.NDArray[np.int64]:
    rows: npt.NDArray[np.int64] = (
        lake.read(job.inputs["partition"], "users", ["row"])["row"].to_numpy().astype(np.int64)
    )
    return rows


def _counts_of(table: pa.Table) -> CohortCounts:
    year, count = table["year"].to_numpy(), table["count"].to_numpy()
    friend = table["friend_year"].fill_null(YEARS).to_numpy()  # a column too many stands for "the users themselves"
    cells = np.zeros((YEARS, YEARS + 1), np.int64)
    cells[year, friend] = count
    return CohortCounts(cells[:, YEARS].copy(), cells[:, :YEARS].copy())


def _guess_rows(lake: Lake, manifests: Manifests) -> Iterator[Guesses]:
    for manifest in manifests.values():
        column = lake.read(manifest, "guesses", ["guess"])["guess"].combine_chunks()
        packed = b"".join(column.to_pylist())
        yield np.frombuffer(packed, np.uint8).reshape(-1, GUESS_BYTES)
