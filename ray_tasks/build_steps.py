"""The stages of a build one after the other, each with what it tells when it has ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from profiling.embedding import get_model, load_calibration
from ray_tasks.generations import (
    CLUSTERED,
    Generation,
    artefact_path,
    file_generation,
    find_generation,
    generation_id,
    generations,
)
from ray_tasks.stages.audit import audit
from ray_tasks.stages.broaden import broaden
from ray_tasks.stages.cluster import cluster
from ray_tasks.stages.co_occurrence import compare_albums
from ray_tasks.stages.context import BuildContext, Manifests
from ray_tasks.stages.embed import embed, stage_name, unseen_parts
from ray_tasks.stages.partition import add_counts, run_partition, take_partition
from ray_tasks.stages.people import people
from ray_tasks.stages.reselect import choose_users, record, reselect
from ray_tasks.stages.score import Round, run_rounds, scorer_used, settled
from ray_tasks.stages.select import select
from ray_tasks.stages.viral import viral
from ray_tasks.stops import LAST, PLAN, ROUND, STAGES, StageEnd

GROUPED = ("partition", "select", "people", "viral", "cluster", "co_occurrence")  # stages before the rounds
TOLD = (  # counts
    "users", "photos", "tags", "friendships", "reasons", "faces", "birth_years", "genders", "clusters",
    "computed", "copied", "difference",
)  # fmt: skip


def steps(context: BuildContext, name: str = "", partition: str = "", plan: bool = False) -> Iterator[StageEnd]:
    """Run a build, stopping for breath after each stage; whoever takes the next one lets it go on.

    Parameters
    ----------
    name : of the generation.
    partition : id of the partition to build on; empty = partition the population.
    plan : count what the embed stage would look at, before it does.
    """
    yield _partition(context, partition)
    if context.choice is None:
        select(context)
    else:
        reselect(context)
    yield _end(context, STAGES[1], "select")
    if plan:
        yield _plan(context)
    embed(context)
    yield _end(context, STAGES[2], "looked")
    fitted = people(context)
    yield _end(context, STAGES[3], "people")
    _group_faces(context)
    model = context.settings.embedding.model
    artefacts = {"model": get_model(model).vectors_id, "calibration": load_calibration(model).id, **fitted}
    file_generation(context.lake, _record(context, artefacts, []), CLUSTERED)
    yield _end(context, STAGES[4], "cluster")
    yield from _profiles(context, name, artefacts)


def _profiles(context: BuildContext, name: str, artefacts: dict[str, str]) -> Iterator[StageEnd]:
    """Rounds, broadening and audit."""
    scorer = scorer_used(context)  # refused only now: training one needs the clusters
    artefacts["scorer"] = scorer.id
    context.lake.add_once(artefact_path("scorer", scorer.id), json.loads(scorer.to_json()))
    rounds = []
    for each in run_rounds(context, scorer):
        rounds.append(each)
        yield _round_end(context, each)
    rounds, taken = broaden(context, scorer, rounds, _look_and_group)
    broadened = [asdict(each) for each in taken]
    last = rounds[-1]
    yield StageEnd(LAST[0], {"steps": broadened, "rounds": last.number, "profiles": last.profiles})
    generation = replace(_record(context, artefacts, rounds, name), broadened=broadened, steps=_steps(context))
    if any(other.id == generation.id for other in generations(context.lake)):
        finished = find_generation(context.lake, generation.id)
    else:
        finished = file_generation(context.lake, replace(generation, audit=audit(context, rounds)))
    yield StageEnd(LAST[1], {}, generation=finished)


def _partition(context: BuildContext, wanted: str) -> StageEnd:
    if wanted:
        take_partition(context, wanted)
    else:
        run_partition(context)
    end = _end(context, STAGES[0], "partition")
    mark = context.manifests["partition"][0].fingerprint
    frozen = {"artefacts_of": context.frozen.generation.id} if context.frozen else {}
    return replace(end, told={"partition": mark} | frozen | choose_users(context) | end.told)


def _end(context: BuildContext, stage: str, counted: str) -> StageEnd:
    """A stage's end with the counts of its buckets added up."""
    buckets = context.manifests[counted].values()
    told = add_counts([{key: each.counts[key] for key in TOLD if key in each.counts} for each in buckets])
    return StageEnd(stage, told)


def _plan(context: BuildContext) -> StageEnd:
    """What the embed stage would look at."""
    buckets = context.manifests["select"]
    photos = sum(int(each.counts["photos"]) for each in buckets.values())
    unseen = sum(len(part.photos) for bucket in buckets for part in unseen_parts(context, bucket))
    return StageEnd(PLAN, {"users": context.users(), "photos": photos, "photos_to_look_at": unseen})


def _round_end(context: BuildContext, last: Round) -> StageEnd:
    told: dict[str, Any] = asdict(last)
    del told["rows"]
    done = settled(context, last)
    over = done or last.number == context.settings.scoring.rounds
    told = {"round": told.pop("number")} | told | {"settled": done, "more": not over}
    return StageEnd(f"{ROUND}{last.number}", told, rounds_over=over)


def _look_and_group(context: BuildContext) -> None:
    """From the selected photos to clusters: what broadening does again."""
    embed(context)
    _group_faces(context)


def _group_faces(context: BuildContext) -> None:
    viral(context)
    cluster(context)
    compare_albums(context)


def _record(context: BuildContext, artefacts: dict[str, str], rounds: list[Round], name: str = "") -> Generation:
    stages = _fingerprints(context, rounds)
    wanted = generation_id(stages, artefacts)
    return Generation(
        id=wanted,
        name=name or wanted,
        created=time.time(),
        population=context.population,
        faces=stage_name(context.settings),
        settings=context.settings.model_dump(),
        artefacts=dict(artefacts),
        stages=stages,
        rounds=[asdict(each) for each in rounds],
        reselected=record(context),
        artefacts_of=context.frozen.generation.id if context.frozen else "",
    )


def _fingerprints(context: BuildContext, rounds: list[Round]) -> dict[str, list[str]]:
    return _marks(context.manifests, [*GROUPED, *(f"score-{each.number}" for each in rounds)])


def _steps(context: BuildContext) -> list[dict[str, list[str]]]:
    """What there was before each step of broadening, rounds included: a later build may copy from it."""
    return [_marks(each, [*GROUPED, *(name for name in each if name.startswith("score-"))]) for each in context.earlier]


def _marks(manifests: Mapping[str, Manifests], names: Iterable[str]) -> dict[str, list[str]]:
    return {name: [manifest.fingerprint for manifest in manifests[name].values()] for name in names}
