"""Stage 5: round after round, weigh every user's clusters with the friends' profiles of the last round.

A round's profiles are one file of fixed-width rows that every bucket of the next round gathers from, and their digests
another: a user whose inputs have the digest of an earlier result is copied from there. Rounds end when almost nobody's
profile moves any more, or after `scoring.rounds`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import flags
from profiling.co_occurrence import add_across
from profiling.embedding import get_model, load_calibration
from profiling.round_inputs import count_known, profile_digests
from profiling.rounds import score_round
from profiling.scorer import Scorer, load_scorer
from profiling.settings import Settings
from profiling.tallies import count_values
from profiling.vectors import unpack_vectors
from profiling.wanted_precision import aim_scorer
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.metrics import count_round
from ray_tasks.rows import open_rows, write_rows
from ray_tasks.stages.context import BuildContext, Manifests, fingerprints
from ray_tasks.stages.partition_rows import bucket_friends

LOGIC = 3  # raise when the results of this stage change
COUNTED = ("moved", "profiles", "margins_fell", "scored", "copied")  # users, in a manifest's counts
PROFILES_A_USER = 2  # a joint account may have two


@dataclass(frozen=True)
class Round:
    """What became of one round.

    Parameters
    ----------
    moved, profiles, margins_fell : users, as `profiling.rounds` defines them.
    scored, copied : users whose result was computed, and whose was taken from an earlier one.
    rows : name of its profile rows.
    margin : by how much a leader had to lead.
    """

    number: int
    moved: int
    profiles: int
    rows: str
    margins_fell: int = 0
    scored: int = 0
    copied: int = 0
    margin: float = 0.0


def score(context: BuildContext, scorer: Scorer) -> list[Round]:
    """Run rounds until they settle; the last round's results stand in `context.manifests["score"]`."""
    return list(run_rounds(context, scorer))


def run_rounds(context: BuildContext, scorer: Scorer) -> Iterator[Round]:
    """The same, round by round: whoever's inputs are those of an earlier result of this round is copied."""
    last: Round | None = None
    for number in range(context.settings.scoring.rounds + 1):
        manifests = _run_round(context, number, scorer, last.rows if last else None)
        counts = {name: sum(int(m.counts[name]) for m in manifests.values()) for name in COUNTED}
        margin = scorer.asked(number, context.settings.scoring.margin)
        last = Round(number=number, rows=_publish(context, manifests), margin=margin, **counts)
        context.manifests["score"] = manifests
        count_round(number, last.scored, last.moved, context.users())
        yield last
        if settled(context, last):
            break


def settled(context: BuildContext, last: Round) -> bool:
    """Whether a round moved so few users that no other is needed."""
    return last.number > 0 and last.moved < context.settings.scoring.moved_share * max(1, context.users())


def scorer_of(settings: Settings) -> Scorer:
    """The trained scorer of a run: the one named in the settings, or the one shipped for the model, with the margins of
    the wanted precision where one is wanted.

    Raises
    ------
    ModelError
        There is none, or it cannot promise this precision.
    """
    scorer = load_scorer(get_model(settings.embedding.model).sha256, settings.scoring.scorer)
    wanted = settings.scoring.precision
    return scorer if wanted is None else aim_scorer(scorer, wanted)


def scorer_used(context: BuildContext) -> Scorer:
    """The scorer of a build: the frozen one, whose margins are as its generation had them, or that of the settings."""
    if context.frozen is not None:
        return context.frozen.scorer(context.lake)
    return scorer_of(context.settings)


def compute(lake: Lake, job: BucketJob) -> StageOutput:
    """Tables `scores` and `profiles` of one round of a bucket."""
    source, given = job.inputs["partition"], job.arguments
    clusters = job.inputs["cluster"]
    users = lake.read(source, "users")
    indptr, friends = bucket_friends(lake, source, users)
    last = job.inputs.get("last")
    profiles, digests = None, None
    if given["rows"] is not None:
        profiles = open_rows(lake, "profiles", given["rows"]).view(np.float16)
        digests = open_rows(lake, "profile-digests", given["rows"]).view(np.uint64)
    pairs = [(lake.read(each, "scores"), lake.read(each, "profiles")) for each in job.earlier]
    scores, found = score_round(
        round_number=given["round"],
        users=users,
        people=lake.read(job.inputs["people"], "people"),
        clusters=add_across(lake.read(clusters, "clusters"), lake.read(job.inputs["co_occurrence"], "co_occurrence")),
        members=lake.read(clusters, "members"),
        selection=lake.read(job.inputs["select"], "selection"),
        seen=lake.read(clusters, "looked"),
        indptr=indptr,
        friend_rows=friends,
        profiles=profiles,
        last=None if last is None else lake.read(last, "profiles"),
        scorer=given["scorer"],
        eps=given["eps"],
        settings=given["settings"],
        friend_digests=digests,
        earlier=pairs,
        logic=LOGIC,
    )
    return StageOutput(
        {"scores": scores, "profiles": found}, _counts(found, count_known(found, [last for _, last in pairs]))
    )


def _counts(found: pa.Table, copied: int) -> dict[str, Any]:
    by_reason = count_values(found["reason"])
    return {
        "users": len(found),
        "moved": int(np.count_nonzero(flags(found["moved"]))),
        "margins_fell": int(np.count_nonzero(flags(found["margin_fell"]))),
        "profiles": by_reason.get("ok", 0),
        "unresolved": by_reason,
        "scored": len(found) - copied,
        "copied": copied,
    }


def _run_round(context: BuildContext, number: int, scorer: Scorer, rows: str | None) -> Manifests:
    settings = context.settings.scoring
    same_weights = number > 0 and scorer.of_round(number) is scorer.of_round(number - 1)
    scale = distance_scale(context.settings)
    jobs = []
    for bucket in range(context.lake.buckets):
        inputs = context.inputs(bucket, "partition", "select", "people", "cluster", "co_occurrence")
        if number:
            inputs["last"] = context.manifests[f"score-{number - 1}"][bucket]
        mark = fingerprint(
            stage="score",
            logic=LOGIC,
            round=number,
            inputs=fingerprints(inputs),
            friends=rows,
            scorer=scorer.id,
            eps=scale,
            settings=settings.model_dump(exclude={"rounds", "scorer", "precision", "moved_share"}),
        )
        arguments = {"round": number, "rows": rows, "scorer": scorer, "eps": scale, "settings": settings}
        earlier = (inputs["last"],) if same_weights else ()
        jobs.append(BucketJob(f"score-{number}", bucket, mark, compute, inputs, arguments, earlier))
    return context.run(f"score-{number}", jobs)


def distance_scale(settings: Settings) -> float:
    """The cosine distance that counts as one: the eps of this run for a usual album."""
    if settings.clustering.eps is not None:
        return settings.clustering.eps
    return load_calibration(settings.embedding.model).scale


def _publish(context: BuildContext, manifests: Manifests) -> str:
    """Write the round's profiles as rows of the population, [users, 2, dim] float16, zeros = none."""
    mark = fingerprint(buckets=[manifest.fingerprint for manifest in manifests.values()])
    dim = get_model(context.settings.embedding.model).dim
    shape = (context.users(), PROFILES_A_USER, dim)
    write_rows(context.lake, "profiles", mark, shape, np.float16, _profile_rows(context.lake, manifests))
    digests = (profile_digests(rows) for rows in _profile_rows(context.lake, manifests))
    write_rows(context.lake, "profile-digests", mark, shape[:1], np.uint64, digests)
    return mark


def _profile_rows(lake: Lake, manifests: Manifests) -> Iterator[npt.NDArray[np.float16]]:
    for manifest in manifests.values():
        table = lake.read(manifest, "profiles", ["profile", "second_profile"])
        yield np.stack([unpack_vectors(table["profile"]), unpack_vectors(table["second_profile"])], axis=1)
