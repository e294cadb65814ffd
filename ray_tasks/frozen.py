"""Frozen artefacts: what an earlier generation was made with, taken by a build instead of fitting its own.

Name tables, cohorts and the scorer are files of the lake; the model and its calibration belong to the package, and a
build is refused where they are not the same any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from profiling.embedding import get_model, load_calibration
from profiling.errors import LakeError, LakeMissingError
from profiling.places import open_place
from profiling.scorer import Scorer
from ray_tasks.generations import FINISHED, Generation, artefact_path, find_generation, generations
from ray_tasks.lake import Lake

FILES = ("names", "cohorts", "scorer")  # kinds that are files of a lake


@dataclass(frozen=True)
class Frozen:
    """The artefacts of a generation, all of them in the lake of the build."""

    generation: Generation

    @property
    def names(self) -> str:
        """Id of the name tables."""
        return self.generation.artefacts["names"]

    @property
    def cohorts(self) -> str:
        """Id of the cohort table."""
        return self.generation.artefacts["cohorts"]

    def scorer(self, lake: Lake) -> Scorer:
        """The scorer, as it was then."""
        return self.generation.scorer(lake)


def find_frozen(lake: Lake, wanted: str) -> tuple[Lake, Generation]:
    """The generation whose artefacts are asked for, and its lake.

    Parameters
    ----------
    lake : of the build. wanted : id or name of a generation there, or `OTHER_LAKE/generations/ID.json`.

    Raises
    ------
    LakeError
        There is no such lake or generation.
    """
    if not wanted.endswith(".json"):
        return lake, find_generation(lake, wanted)
    folder, _, name = wanted.rpartition(f"/{FINISHED}/")
    if not folder:
        raise LakeError(f"--artefacts {wanted}: name a generation, or a record LAKE/{FINISHED}/ID.json of another lake")
    other = Lake.open(open_place(folder))
    return other, find_generation(other, PurePosixPath(name).stem)


def nightly_base(folder: str, wanted: str = "", model: str | None = None) -> Generation | None:
    """The generation that a nightly run goes on from: the one asked for, or the newest of the lake, or of one network.

    Parameters
    ----------
    folder : the lake. wanted : as in `find_frozen`. model : id of a network; None = any.

    Returns
    -------
    None where there is none yet: the first night is a full rebuild.
    """
    try:
        lake = Lake.open(folder)
    except LakeMissingError:
        return None
    if wanted:
        return find_frozen(lake, wanted)[1]
    found = [each for each in generations(lake) if model in (None, each.settings["embedding"]["model"])]
    return found[-1] if found else None


def freeze(lake: Lake, source: Lake, generation: Generation) -> Frozen:
    """Take over the artefacts of a generation; what lies in another lake is copied into this one.

    Parameters
    ----------
    lake : held for writing.

    Raises
    ------
    LakeError
        The model or its calibration is another one today, or an artefact is gone: only a full rebuild makes new ones.
    """
    model = generation.settings["embedding"]["model"]
    today = {"model": get_model(model).vectors_id, "calibration": load_calibration(model).id}
    for kind, known in today.items():
        if generation.artefacts.get(kind) != known:
            raise LakeError(
                f"{source.folder}: generation {generation.id} was made with another {kind} of {model} "
                f"({generation.artefacts.get(kind)}) than there is now ({known}); run a full rebuild"
            )
    for kind in FILES:
        path = artefact_path(kind, generation.artefacts.get(kind, ""))
        try:
            text = (source.folder / path).read_text(encoding="utf-8")
        except OSError:
            raise LakeError(f"{source.folder}/{path}: is gone; run a full rebuild") from None
        lake.add_once(path, json.loads(text))
    return Frozen(generation)
