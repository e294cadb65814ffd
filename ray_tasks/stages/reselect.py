"""Stage 1 of a run about some users only: their photos are selected anew, all others keep an earlier generation's.

A bucket of the same snapshot in which nobody is selected anew keeps the earlier result itself, so that all that was
made of it is found done. The generation that comes out is one audited set over the whole population, as any other.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import integers
from profiling.errors import LakeError, PopulationError
from profiling.reselection import reselect_photos, unresolved_users, users_to_reselect
from profiling.tables import CHOSEN
from ray_tasks.generations import Generation, find_generation, generations
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.context import BuildContext, fingerprints
from ray_tasks.stages.select import LOGIC as SELECT_LOGIC
from ray_tasks.user_choice import SHOWN, UserChoice

LOGIC = 1  # raise when the results of this stage change
STAGE = "users"  # that finds whom the run is about


def choose_users(context: BuildContext) -> dict[str, Any]:
    """Find whose photos are selected anew, and what all others keep.

    Returns
    -------
    `base`, the id of the generation that others keep the selection of, and `users_anew`; empty for a run about all.

    Raises
    ------
    LakeError
        There is no such generation, its selection is gone, or it was made with another number of buckets.
    PopulationError
        The list names users whom the population does not hold.
    """
    choice = context.choice
    if choice is None:
        return {}
    context.kept = base = _find_base(context, choice)
    jobs = [_job_of(context, choice, base, bucket) for bucket in range(context.lake.buckets)]
    found = context.run(STAGE, jobs).values()
    _refuse_unknown(context, choice)
    return {"base": base.id, "users_anew": sum(int(each.counts["users"]) for each in found)}


def reselect(context: BuildContext) -> None:
    """Run the stage over all buckets, after `choose_users`."""
    base, settings = context.kept, context.settings.selection
    assert base is not None  # noqa: S101 - choose_users found it
    chosen = settings.model_dump(exclude={"broaden"})
    kept, jobs = {}, []
    for bucket in range(context.lake.buckets):
        before, found = base.manifest(context.lake, "select", bucket), context.manifests[STAGE][bucket]
        if not found.counts["users"] and _same_snapshot(context, base, bucket):
            kept[bucket] = before
            continue
        inputs = context.inputs(bucket, "partition") | {"kept": before}
        mark = fingerprint(
            stage="select",
            logic=[SELECT_LOGIC, STAGE, LOGIC],
            inputs=fingerprints(inputs),
            settings=chosen if found.counts["users"] else None,
            users=found.counts["digest"],
        )
        jobs.append(BucketJob("select", bucket, mark, compute, inputs | {STAGE: found}, {"settings": settings}))
    context.manifests["select"] = dict(sorted((kept | context.run("select", jobs)).items()))


def record(context: BuildContext) -> dict[str, Any]:
    """What a generation's record says of it; nobody is named."""
    choice, base = context.choice, context.kept
    if choice is None or base is None:
        return {}
    anew = sum(int(each.counts["users"]) for each in context.manifests[STAGE].values())
    return {"users": choice.words, "anew": anew, "base": base.id, "mark": _mark(context, choice)}


def compute_users(lake: Lake, job: BucketJob) -> StageOutput:
    """Table `chosen` of a bucket; its counts tell the users' number, a digest of them, and how many are unknown."""
    users = integers(lake.read(job.inputs["partition"], "users", ["user_id"])["user_id"])
    photos = lake.read(job.inputs["partition"], "photos", ["photo_id", "owner_id"])
    kept = lake.read(job.inputs["kept"], "selection", ["photo_id", "owner_id"])
    wanted = job.arguments["listed"]
    unknown = 0 if wanted is None else int(np.count_nonzero(~np.isin(wanted, users)))
    if wanted is None:
        wanted = unresolved_users(lake.read(job.inputs["score"], "profiles", ["user_id", "reason"]))
    found = users_to_reselect(photos, kept, wanted)
    digest = hashlib.blake2b(found.tobytes(), digest_size=16).hexdigest()
    counts = {"users": len(found), "digest": digest, "unknown": unknown}
    return StageOutput({"chosen": pa.table([pa.array(found)], schema=CHOSEN)}, counts)


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """Table `selection` of a bucket."""
    source = job.inputs["partition"]
    selection = reselect_photos(
        lake.read(source, "photos"),
        lake.read(source, "tags"),
        lake.read(job.inputs["kept"], "selection"),
        integers(lake.read(job.inputs[STAGE], "chosen")["user_id"]),
        job.arguments["settings"],
    )
    return StageOutput({"selection": selection}, {"photos": len(selection)})


def _job_of(context: BuildContext, choice: UserChoice, base: Generation, bucket: int) -> BucketJob:
    inputs = context.inputs(bucket, "partition") | {"kept": base.manifest(context.lake, "select", bucket)}
    listed = _listed(context.lake, choice, bucket)
    if listed is None:
        inputs["score"] = base.manifest(context.lake, base.last_round, bucket)
    mark = fingerprint(
        stage=STAGE,
        logic=LOGIC,
        inputs=fingerprints(inputs),
        listed=None if listed is None else UserChoice(listed).digest,
    )
    return BucketJob(STAGE, bucket, mark, compute_users, inputs, {"listed": listed})


def _listed(lake: Lake, choice: UserChoice, bucket: int) -> npt.NDArray[np.int64] | None:
    """The users of a list who belong into a bucket."""
    if choice.listed is None:
        return None
    mine: npt.NDArray[np.int64] = choice.listed[lake.bucket_of(choice.listed) == bucket]
    return mine


def _find_base(context: BuildContext, choice: UserChoice) -> Generation:
    """The generation to keep from; for a build that is done already the one it was kept from: twice is once."""
    known = generations(context.lake)
    if not known:
        raise LakeError(f"--users: {context.lake.folder} holds no generation to keep from; build all users first")
    base = find_generation(context.lake, choice.base or None)
    told = base.reselected
    if not choice.base and told and told["mark"] == _mark(context, choice):
        base = next((each for each in known if each.id == told["base"]), base)
    if len(base.stages["select"]) != context.lake.buckets:
        raise LakeError(f"--users: {base.id} has another number of buckets than the lake; build all users first")
    return base


def _mark(context: BuildContext, choice: UserChoice) -> str:
    """What two runs have in common that select the same photos of the same users anew."""
    return fingerprint(
        users=choice.digest,
        partition=context.manifests["partition"][0].fingerprint,
        settings=context.settings.selection.model_dump(exclude={"broaden"}),
    )


def _same_snapshot(context: BuildContext, base: Generation, bucket: int) -> bool:
    return base.stages["partition"][bucket] == context.manifests["partition"][bucket].fingerprint


def _refuse_unknown(context: BuildContext, choice: UserChoice) -> None:
    unknown: list[int] = []
    for bucket, found in context.manifests[STAGE].items():
        listed = _listed(context.lake, choice, bucket)
        if listed is not None and found.counts["unknown"]:
            there = context.lake.read(context.manifests["partition"][bucket], "users", ["user_id"])["user_id"]
            unknown += np.setdiff1d(listed, integers(there)).tolist()
    if unknown:
        some = ", ".join(str(user) for user in sorted(unknown)[:SHOWN]) + (", …" if len(unknown) > SHOWN else "")
        raise PopulationError(f"--users: the population holds no user {some}; correct the list")
