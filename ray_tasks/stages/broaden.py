"""Stage 6: users without a leader get more photos, and pass stages 2 to 5 again.

The rounds begin anew, so that the result is that of a build that had selected so from the start; whoever is not touched
is copied from the rounds before. Buckets without such users keep what they have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from profiling.broadening import broaden_selection, users_to_broaden
from profiling.scorer import Scorer
from profiling.tables import BROADENED
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.context import BuildContext, Manifests, fingerprints
from ray_tasks.stages.score import Round, score
from ray_tasks.stages.select import LOGIC as SELECT_LOGIC

LOGIC = 1  # raise when the results of this stage change


@dataclass(frozen=True)
class Broadening:
    """One step: `users` got up to `photos` photos each; `before` users had a profile, `after` have."""

    photos: int
    users: int
    before: int
    after: int


def broaden(
    context: BuildContext, scorer: Scorer, rounds: list[Round], regroup: Callable[[BuildContext], None]
) -> tuple[list[Round], list[Broadening]]:
    """Take every step of `selection.broaden` that concerns anybody.

    Parameters
    ----------
    rounds : of the selection as it was.
    regroup : runs the stages between the selection and the rounds.

    Returns
    -------
    The rounds of the last step, or `rounds`, and the steps. `context.manifests` holds the results of the last step,
    `context.earlier` those before each.
    """
    steps = []
    for photos in sorted(set(context.settings.selection.broaden)):
        context.step = f" {photos}"
        wanted = _find_users(context, photos)
        users = sum(int(manifest.counts["users"]) for manifest in wanted.values())
        if not users:
            continue
        before = rounds[-1]
        context.earlier.append(dict(context.manifests))
        _select_more(context, wanted, photos)
        regroup(context)
        rounds = score(context, scorer)
        steps.append(Broadening(photos, users, before.profiles, rounds[-1].profiles))
    context.step = ""
    return rounds, steps


def compute_users(lake: Lake, job: BucketJob) -> StageOutput:
    """Table `broadened` of a bucket; its counts tell the users' number and a digest of them."""
    users = users_to_broaden(
        lake.read(job.inputs["score"], "profiles", ["user_id", "reason"]),
        lake.read(job.inputs["partition"], "photos", ["owner_id"]),
        lake.read(job.inputs["select"], "selection", ["owner_id"]),
        job.arguments["photos"],
    )
    digest = hashlib.blake2b(users.tobytes(), digest_size=16).hexdigest()
    table = pa.table([pa.array(users)], schema=BROADENED)
    return StageOutput({"broadened": table}, {"users": len(users), "digest": digest})


def compute_selection(lake: Lake, job: BucketJob) -> StageOutput:
    """Table `selection` of a bucket, broadened."""
    source = job.inputs["partition"]
    selection = broaden_selection(
        lake.read(source, "photos"),
        lake.read(source, "tags"),
        lake.read(job.inputs["select"], "selection"),
        lake.read(job.inputs["broaden"], "broadened")["user_id"].to_numpy(),
        job.arguments["photos"],
        job.arguments["settings"],
    )
    return StageOutput({"selection": selection}, {"photos": len(selection)})


def _find_users(context: BuildContext, photos: int) -> Manifests:
    jobs = []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, "partition", "select", "score")
        mark = fingerprint(stage="broaden", logic=LOGIC, inputs=fingerprints(inputs), photos=photos)
        jobs.append(BucketJob("broaden", bucket, mark, compute_users, inputs, {"photos": photos}))
    return context.run("broaden", jobs)


def _select_more(context: BuildContext, wanted: Manifests, photos: int) -> None:
    """Replace the selections of the buckets with users to broaden; a fingerprint holds the users, not the way there."""
    settings, before = context.settings.selection, context.manifests["select"]
    jobs = []
    for bucket, found in wanted.items():
        if not found.counts["users"]:
            continue
        inputs = context.inputs(bucket, "partition", "select")
        mark = fingerprint(
            stage="select",
            logic=[SELECT_LOGIC, LOGIC],
            inputs=fingerprints(inputs),
            photos=photos,
            users=found.counts["digest"],
        )
        arguments = {"photos": photos, "settings": settings}
        jobs.append(BucketJob("select", bucket, mark, compute_selection, inputs | {"broaden": found}, arguments))
    context.manifests["select"] = before | context.run("select", jobs)
