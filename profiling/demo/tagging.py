"""Tags as members set them: few, mostly right, some on the wrong friend, one that its target rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiling.demo.photos import Box
from profiling.demo.scenes import Scene

TAG_STREAM = 3  # random stream of the population's seed
TAGGED = 0.25  # share of members' faces with a tag; enough for two or three an album
WRONG = 0.08  # share of tags that name another friend of the owner
WHOLE_PHOTO = 0.3  # share of tags without a place
CONFIRMED = 0.3  # share of right tags that the tagged member confirmed


@dataclass(frozen=True)
class Tag:
    """One row of table `tags`; `box` is None for a tag somewhere on the photo."""

    photo_id: int
    user_id: int
    box: Box | None
    source: str


def draw_tags(
    scenes: Sequence[Scene], boxes: Sequence[Sequence[Box]], friends: Mapping[int, list[int]], seed: int
) -> list[Tag]:
    """Tags of the photos 1, 2, … that show `scenes`, with the `boxes` of the people on each."""
    rng = np.random.default_rng([seed, TAG_STREAM])
    tags = []
    for photo_id, (scene, places) in enumerate(zip(scenes, boxes, strict=True), 1):
        for person, box in zip(scene.people, places, strict=True):
            chance, wrong, whole, confirmed = rng.random(4)
            if person not in friends or chance >= TAGGED:
                continue
            others = [friend for friend in friends[scene.owner_id] if friend not in scene.people]
            mistaken = bool(wrong < WRONG and others)
            user = int(rng.choice(others)) if mistaken else person
            source = "confirmed" if confirmed < CONFIRMED and not mistaken else "manual"
            tags.append(Tag(photo_id, user, None if whole < WHOLE_PHOTO else box, source))
    rejected = _reject_one(scenes, boxes, friends)
    return sorted({(tag.photo_id, tag.user_id): tag for tag in [*tags, *rejected]}.values(), key=_key)


def _key(tag: Tag) -> tuple[int, int]:
    return tag.photo_id, tag.user_id


def _reject_one(scenes: Sequence[Scene], boxes: Sequence[Sequence[Box]], friends: Mapping[int, list[int]]) -> list[Tag]:
    """The last portrait of a member, tagged as a friend who would not have it."""
    for photo_id, scene in reversed(list(enumerate(scenes, 1))):
        if scene.people == (scene.owner_id,) and friends[scene.owner_id]:
            return [Tag(photo_id, friends[scene.owner_id][0], boxes[photo_id - 1][0], "rejected")]
    return []
