"""Generations: complete, audited sets of profiles, and what exactly each was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from profiling.errors import LakeError
from profiling.scorer import Scorer
from ray_tasks.lake import Lake, Manifest, fingerprint

FINISHED = "generations"  # folder of generations with profiles and audit
CLUSTERED = "clustered"  # folder of what a build had before scoring: what a scorer is trained on, without rounds


@dataclass(frozen=True)
class Generation:
    """A record of one build: the fingerprints of all its results, the artefacts, the settings and the audit.

    `stages` maps a stage ("score-0" … for the rounds) to the fingerprints of its buckets; `rounds` is one entry a round
    with `moved`, `profiles`, `margins_fell`, `scored`, `copied`, the `margin` asked for and the name of its `rows`;
    `broadened` one a step of broadening (`photos` a user, `users`, profiles `before` and `after`), after which stages
    and rounds are the last step's; `artefacts` maps "model", "calibration", "scorer", "names" and "cohorts" to ids, and
    `artefacts_of` is the generation that they were taken from (empty = they are its own); `audit` is what
    `profiling.audit.combine` found; `reselected` says of a build about some `users` only how many were selected `anew`
    and whose selection (`base`) the others keep; `steps` are the `stages` before each step of broadening, for those who
    copy from it.
    """

    id: str
    name: str
    created: float
    population: str
    faces: str
    settings: dict[str, Any]
    artefacts: dict[str, str]
    stages: dict[str, list[str]]
    rounds: list[dict[str, Any]]
    audit: dict[str, Any] = field(default_factory=dict)
    broadened: list[dict[str, Any]] = field(default_factory=list)
    reselected: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, list[str]]] = field(default_factory=list)
    artefacts_of: str = ""

    def manifests(self, lake: Lake, stage: str) -> dict[int, Manifest]:
        """The committed results of one of its stages, by bucket."""
        return {bucket: self.manifest(lake, stage, bucket) for bucket in range(len(self.stages[stage]))}

    def manifest(self, lake: Lake, stage: str, bucket: int) -> Manifest:
        """The committed result of one of its stages for one bucket."""
        manifest = lake.find(stage, bucket, self.stages[stage][bucket])
        if manifest is None:
            raise LakeError(f"{lake.folder}: results of stage {stage} are gone; run kith build again")
        return manifest

    def scorer(self, lake: Lake) -> Scorer:
        """The scorer that it was made with, as it was then, wherever its file is now."""
        path = lake.folder / artefact_path("scorer", self.artefacts["scorer"])
        try:
            return Scorer.from_json(path.read_text(encoding="utf-8"), path.name)
        except OSError:
            raise LakeError(f"{path}: the scorer of {self.id} is gone; run kith build again") from None

    @property
    def last_round(self) -> str:
        """The stage that holds its profiles."""
        return f"score-{len(self.rounds) - 1}"


def artefact_path(kind: str, artefact_id: str) -> str:
    """Where a lake keeps what a generation was made with: "names", "cohorts" or "scorer"."""
    return f"artefacts/{kind}/{artefact_id}.json"


def generation_id(stages: Mapping[str, list[str]], artefacts: Mapping[str, str]) -> str:
    """An id that is the same whenever the same results come out of the same inputs."""
    return "g" + fingerprint(stages=dict(stages), artefacts=dict(artefacts))[:12]


def file_generation(lake: Lake, generation: Generation, folder: str = FINISHED) -> Generation:
    """Record a generation once; the record that was there first stays."""
    lake.add_once(f"{folder}/{generation.id}.json", asdict(generation))
    return find_generation(lake, generation.id, folder)


def generations(lake: Lake, folder: str = FINISHED) -> list[Generation]:
    """All generations of a lake, oldest first."""
    found = [Generation(**note) for note in lake.notes(folder)]
    return sorted(found, key=lambda generation: (generation.created, generation.id))


def find_generation(lake: Lake, wanted: str | None = None, folder: str = FINISHED) -> Generation:
    """The generation with this id or name, or the newest.

    Raises
    ------
    LakeError
        There is none; the line names those that are there.
    """
    found = generations(lake, folder)
    if not found:
        raise LakeError(f"{lake.folder}: holds no finished generation; run kith build until it ends")
    if wanted is None:
        return found[-1]
    for generation in reversed(found):
        if wanted in (generation.id, generation.name):
            return generation
    known = ", ".join(generation.id for generation in found[-5:])
    raise LakeError(f"{lake.folder}: has no generation {wanted!r}; there are {known}")
