"""Draw scenes and write them to the disk as photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profiling.demo.cameras import Capture, develop, draw_capture
from profiling.demo.identity import Identity
from profiling.demo.photos import HEADS, Box, Photo, draw_photo
from profiling.demo.scenes import Scene

PORTRAIT_HEADS = (90.0, 210.0)  # pixels of a head's width when somebody is alone on a photo
DUPLICATE_SHARE, DUPLICATE_QUALITY = 0.8, 60  # size and JPEG quality of a near-duplicate


@dataclass(frozen=True)
class Shot:
    """One photo that lies on the disk: `width` and `height` upright, one box a person of the scene."""

    scene: Scene
    uri: str
    width: int
    height: int
    boxes: list[Box]
    capture: Capture


def draw_shots(
    folder: Path,
    name: str,
    scenes: Sequence[Scene],
    people: Mapping[int, Identity],
    stream: tuple[int, int],
    report: Callable[[int], None],
) -> list[Shot]:
    """Draw every scene and write it to `folder`/images.

    Parameters
    ----------
    name : of the files, with a place for their number, which counts from 1: "{:07d}".
    people : faces by the person ids of the scenes.
    stream : seed of the randomness; a photo depends on it and its number, not on the photos before it.
    report : called with the number of every photo that is written.
    """
    shots: list[Shot] = []
    photo: Photo | None = None
    for number, scene in enumerate(scenes, 1):
        rng, quality = np.random.default_rng([*stream, number]), None
        if scene.near_duplicate and photo is not None:
            photo, quality, capture = photo.shrunk(DUPLICATE_SHARE), DUPLICATE_QUALITY, shots[-1].capture
        else:
            heads = PORTRAIT_HEADS if len(scene.people) == 1 else HEADS
            photo = draw_photo([people[person] for person in scene.people], rng, heads=heads)
            capture = draw_capture(rng)
        uri = f"images/{name.format(number)}.jpg"
        (folder / uri).write_bytes(develop(photo, capture, quality))
        shots.append(Shot(scene, uri, photo.image.width, photo.image.height, photo.boxes(), capture))
        report(number)
    return shots
