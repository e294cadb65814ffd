"""A whole build: the stages in order over one lake, under its lock."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from profiling.embedding import get_model, load_calibration
from profiling.errors import PopulationError
from profiling.settings import Settings
from profiling.weights import prepare_weights
from ray_tasks.generations import (
    CLUSTERED,
    Generation,
    file_generation,
    find_generation,
    generation_id,
    generations,
    scorer_path,
)
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.stages.audit import audit
from ray_tasks.stages.broaden import broaden
from ray_tasks.stages.cluster import cluster
from ray_tasks.stages.co_occurrence import compare_albums
from ray_tasks.stages.context import BuildContext
from ray_tasks.stages.embed import embed, stage_name
from ray_tasks.stages.partition import run_partition
from ray_tasks.stages.people import people
from ray_tasks.stages.score import Round, score, scorer_of
from ray_tasks.stages.select import select
from ray_tasks.stages.viral import viral


def build(
    population: str | Path,
    lake: Lake,
    settings: Settings,
    session: RaySession,
    console: Console | None = None,
    name: str = "",
    retry_failed: bool = False,
) -> Generation:
    """Make a generation of profiles from a population; what an earlier run committed is not done again.

    Raises
    ------
    KithError
        One line: the population, the lake, a model or Ray is not usable, or another writer holds the lake.
    """
    folder = str(population) if "://" in str(population) else str(Path(population).absolute())
    if "://" not in folder and not Path(folder).is_dir():
        raise PopulationError(f"{folder}: is no folder; give the folder that holds users.parquet and photos.parquet")
    prepare_weights()
    get_model(settings.embedding.model)
    load_calibration(settings.embedding.model)
    with WriterLock(lake, f"kith build {folder}") as held, RunProgress(held, f"build {folder}", console) as progress:
        held.sweep()
        context = BuildContext(held, folder, settings, session, progress, retry_failed)
        return _build(context, name)


def _build(context: BuildContext, name: str) -> Generation:
    run_partition(context)
    select(context)
    fitted = people(context)
    _group_faces(context)
    model = context.settings.embedding.model
    artefacts = {"model": get_model(model).vectors_id, "calibration": load_calibration(model).id, **fitted}
    file_generation(context.lake, _record(context, artefacts, []), CLUSTERED)
    scorer = scorer_of(context)  # refused only now: training one needs the clusters
    artefacts["scorer"] = scorer.id
    context.lake.add_once(scorer_path(scorer.id), json.loads(scorer.to_json()))
    rounds, steps = broaden(context, scorer, score(context, scorer), _group_faces)
    generation = replace(_record(context, artefacts, rounds, name), broadened=[asdict(each) for each in steps])
    if any(other.id == generation.id for other in generations(context.lake)):
        return find_generation(context.lake, generation.id)
    return file_generation(context.lake, replace(generation, audit=audit(context, rounds)))


def _group_faces(context: BuildContext) -> None:
    """From the selected photos to clusters: what broadening does again."""
    embed(context)
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
    )


def _fingerprints(context: BuildContext, rounds: list[Round]) -> dict[str, list[str]]:
    names = ["partition", "select", "people", "viral", "cluster", "co_occurrence"]
    names += [f"score-{each.number}" for each in rounds]
    return {name: [m.fingerprint for m in context.manifests[name].values()] for name in names}


def summary(generation: Generation) -> dict[str, Any]:
    """What a person or program wants to know of a generation first."""
    return {
        "generation": generation.id,
        "name": generation.name,
        "population": generation.population,
        "rounds": len(generation.rounds) - 1,
        "profiles": generation.rounds[-1]["profiles"],
        "audit": generation.audit,
    }
