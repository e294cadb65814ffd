"""A whole build: the stages in order over one lake, under its lock; it may stop after any of them and go on later."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from profiling.embedding import get_model, load_calibration
from profiling.errors import PopulationError
from profiling.settings import Settings
from profiling.weights import prepare_weights
from ray_tasks.base import newest_base
from ray_tasks.build_steps import steps
from ray_tasks.frozen import find_frozen, freeze
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.stages.context import BuildContext
from ray_tasks.stages.embed import stage_name
from ray_tasks.stages.score import scorer_of
from ray_tasks.stops import LAST, PLAN, StageEnd, Stop
from ray_tasks.user_choice import UserChoice


def build(
    population: str | Path,
    lake: Lake,
    settings: Settings,
    session: RaySession,
    console: Console | None = None,
    name: str = "",
    retry_failed: bool = False,
    artefacts: str = "",
) -> Generation:
    """Make a generation of profiles from a population; what an earlier run committed is not done again.

    Raises
    ------
    KithError
        One line: the population, the lake, a model or Ray is not usable, or another writer holds the lake.
    """
    about = (population, lake, settings, session, console, name, retry_failed)
    end = build_until(Stop(LAST[-1]), *about, artefacts=artefacts)
    assert end.generation is not None  # noqa: S101 - the last stage makes it
    return end.generation


def build_until(
    stop: Stop,
    population: str | Path,
    lake: Lake,
    settings: Settings,
    session: RaySession,
    console: Console | None = None,
    name: str = "",
    retry_failed: bool = False,
    *,
    partition: str = "",
    artefacts: str = "",
    patience_s: float = 0.0,
    choice: UserChoice | None = None,
) -> StageEnd:
    """Build up to the end of a stage. Builds up to one stage after the other make the generation of one whole build.

    Parameters
    ----------
    partition : id of an earlier partition to build on (`told["partition"]` of its end), so that a population that has
        changed since is left for another build; empty = partition the population as it is.
    artefacts : the generation whose artefacts are used, as `find_frozen` has it; empty = they are fitted here.
    patience_s : seconds to wait while another writer holds the lake.
    choice : about whom the build is; None = all users.

    Raises
    ------
    KithError
        As `build`.
    """
    about = (population, lake, settings, session, console, retry_failed, artefacts, patience_s)
    with _begin(*about) as context:
        context.choice = choice
        for end in steps(context, name, partition, stop.stage == PLAN):
            if stop.reached(end):
                return end
    raise AssertionError(f"no stage {stop.stage}")


@contextlib.contextmanager
def _begin(
    population: str | Path,
    lake: Lake,
    settings: Settings,
    session: RaySession,
    console: Console | None,
    retry_failed: bool,
    artefacts: str,
    patience_s: float,
) -> Iterator[BuildContext]:
    """A build on its way, under the lake's lock."""
    folder = str(population) if "://" in str(population) else str(Path(population).absolute())
    if "://" not in folder and not Path(folder).is_dir():
        raise PopulationError(f"{folder}: is no folder; give the folder that holds users.parquet and photos.parquet")
    prepare_weights()
    get_model(settings.embedding.model)
    load_calibration(settings.embedding.model)
    if settings.scoring.precision is not None:  # days before it is needed: no training could come in between
        scorer_of(settings)
    lock = WriterLock(lake, f"kith build {folder}", patience_s)
    with lock as held, RunProgress(held, f"build {folder}", console) as progress:
        held.sweep()
        frozen = freeze(held, *find_frozen(held, artefacts)) if artefacts else None
        base = newest_base(held, stage_name(settings))
        yield BuildContext(held, folder, settings, session, progress, retry_failed, base=base, frozen=frozen)


def summary(generation: Generation) -> dict[str, Any]:
    """What a person or program wants to know of a generation first."""
    return {
        "generation": generation.id,
        "name": generation.name,
        "population": generation.population,
        "artefacts_of": generation.artefacts_of,
        "rounds": len(generation.rounds) - 1,
        "profiles": generation.rounds[-1]["profiles"],
        "audit": generation.audit,
    }
