"""Stage 3: how old the users are and whether women or men, from what they and their friends state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graph.ages import SOURCES, estimate_birth_years
from graph.genders import NameTable, count_names, hear_statements
from profiling.albums import integers
from profiling.copies import with_rows
from profiling.digests import Digests
from profiling.people_inputs import people_inputs
from profiling.settings import PeopleSettings
from profiling.tables import PEOPLE
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.artefacts import fit_once, read_artefact
from ray_tasks.stages.cohorts import fit_cohorts, open_guesses, publish_guesses, read_cohorts
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.copying import TABLE, Earlier
from ray_tasks.stages.partition_rows import (
    bucket_friends,
    open_birth_years,
    open_friend_lists,
    open_friendships,
    open_user_ids,
    rows_mark,
)

LOGIC = 2  # raise when the results of this stage change
NAME_COLUMNS = ["first_name", "last_name", "gender"]
COUNTED = {"birth_years": "birth_year", "genders": "female"}  # count in the manifest: column whose values are known


def people(context: BuildContext) -> dict[str, str]:
    """Run the stage over all buckets; returns the ids of the artefacts that it used, by kind."""
    frozen, settings = context.frozen, context.settings.people
    names, cohorts = (frozen.names, frozen.cohorts) if frozen else (fit_names(context), fit_cohorts(context))
    guesses = publish_guesses(context, cohorts)
    mark = rows_mark(context.manifests["partition"])
    jobs = []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, "partition")
        what = fingerprint(
            stage="people",
            logic=LOGIC,
            inputs=fingerprints(inputs),
            rows=mark,
            names=names,
            cohorts=cohorts,
            guesses=guesses,
            settings=settings.model_dump(),
        )
        arguments = {
            "settings": settings,
            "rows": mark,
            "names": names,
            "cohorts": cohorts,
            "guesses": guesses,
        }
        jobs.append(BucketJob("people", bucket, what, compute, inputs, arguments))
    context.run("people", jobs)
    return {"names": names, "cohorts": cohorts}


def fit_names(context: BuildContext) -> str:
    """Learn what first and last names say about gender in this population; returns the artefact's id."""

    def fit() -> NameTable:
        tables = (context.lake.read(m, "users", NAME_COLUMNS) for m in context.manifests["partition"].values())
        return NameTable.of_counts(count_names(*(table[name] for name in NAME_COLUMNS)) for table in tables)

    return fit_once(context, "names", LOGIC, context.manifests["partition"], fit)


def read_names(lake: Lake, names_id: str) -> NameTable:
    """A fitted name table."""
    return NameTable.from_json(read_artefact(lake, "names", names_id))


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """Tables `people` and `digests` of a bucket."""
    given, earlier = job.arguments, Earlier(lake, job)
    users = lake.read(job.inputs["partition"], "users")
    user_id, row = integers(users["user_id"]), np.asarray(users["row"], np.int32)
    copies = earlier.copies(user_id, _inputs(lake, job, users))
    fresh = _estimate(lake, copies.rows_of_fresh(users), given)
    table = with_rows(copies.join(fresh, earlier.reader("people")), user_id, row)
    counts = {name: len(table) - table[column].null_count for name, column in COUNTED.items()}
    return StageOutput({"people": table, TABLE: copies.table()}, counts | copies.counts())


def _inputs(lake: Lake, job: BucketJob, users: pa.Table) -> Digests:
    """A digest of what each user's row depends on."""
    given = job.arguments
    rules = [LOGIC, given["names"], given["cohorts"], given["settings"].model_dump()]
    return people_inputs(
        users,
        *bucket_friends(lake, job.inputs["partition"], users),
        open_user_ids(lake, given["rows"]),
        open_birth_years(lake, given["rows"]),
        open_guesses(lake, given["guesses"]),
        open_friend_lists(lake, given["rows"]),
        rules,
    )


def _estimate(lake: Lake, users: pa.Table, given: Mapping[str, Any]) -> pa.Table:
    """Table `people` of some users of a bucket."""
    settings: PeopleSettings = given["settings"]
    born = estimate_birth_years(
        users["row"].to_numpy(),
        open_friendships(lake, given["rows"]),
        open_birth_years(lake, given["rows"]),
        read_cohorts(lake, given["cohorts"]),
        open_guesses(lake, given["guesses"]),
        trusted_gap=settings.trusted_gap,
        min_friends=settings.min_friends,
        min_confidence=settings.min_confidence,
        order=open_user_ids(lake, given["rows"]),
    )
    known = np.isfinite(born.year) & (born.confidence >= settings.min_confidence)
    female, source = _genders(users, read_names(lake, given["names"]), settings.min_confidence)
    consent = users["consent"].to_numpy(zero_copy_only=False).astype(np.bool_)
    known &= consent
    columns = {
        "user_id": users["user_id"],
        "row": users["row"],
        "birth_year": pa.array(born.year, mask=~known),
        "birth_year_confidence": pa.array(born.confidence, mask=~known),
        "birth_year_source": pa.array([SOURCES[k] for k in np.where(known, born.source, 0)], pa.string()),
        "female": pa.array(female, mask=~(np.isfinite(female) & consent)),
        "gender_confidence": pa.array(np.maximum(female, 1 - female), mask=~(np.isfinite(female) & consent)),
        "gender_source": pa.array(source, pa.string(), mask=~consent),
    }
    return pa.table(columns, schema=PEOPLE)


def _genders(
    users: pa.Table, names: NameTable, min_confidence: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.object_]]:
    """Probability of a woman [n] (NaN unknown) and what it rests on: a stated gender where there is one, or names."""
    female = hear_statements(names.estimate(users["first_name"], users["last_name"]), users["gender"])
    female[np.abs(2 * female - 1) < min_confidence] = np.nan
    source = np.where(np.asarray(users["gender"].is_valid()), "stated", "name").astype(object)
    source[np.isnan(female)] = None
    return female, source
