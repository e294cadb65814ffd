"""The base of a build: the generation whose results it copies wherever a user's inputs are the same."""

from __future__ import annotations

from dataclasses import dataclass

from ray_tasks.generations import Generation, generations
from ray_tasks.lake import Lake, Manifest


@dataclass(frozen=True)
class Base:
    """A finished generation of the same lake, as a source of results."""

    lake: Lake
    generation: Generation

    def results(self, stage: str, bucket: int) -> list[Manifest]:
        """What it has of a stage's bucket: of its last selection, then of those before broadening."""
        steps = [self.generation.stages, *reversed(self.generation.steps)]
        marks = dict.fromkeys(step[stage][bucket] for step in steps if bucket < len(step.get(stage, [])))
        found = (self.lake.find(stage, bucket, mark) for mark in marks)
        return [manifest for manifest in found if manifest is not None]


def newest_base(lake: Lake, faces: str) -> Base | None:
    """The newest generation with faces of this face key, or None: other networks' results cannot be copied."""
    found = [each for each in generations(lake) if each.faces == faces]
    return Base(lake, found[-1]) if found else None
