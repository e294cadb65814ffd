"""Vectors of made-up people, at any scale of distances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def crowd(spread: float, people: int = 40, photos: int = 10, dim: int = 32) -> tuple[Floats, Ints]:
    """Faces of `people`, close to their person's direction by `spread`, all people around one common direction."""
    random = np.random.default_rng(0)
    centres = np.ones(dim) + random.normal(size=(people, dim)) * 4 * spread
    faces = np.repeat(centres, photos, axis=0) + random.normal(size=(people * photos, dim)) * spread
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    return unit.astype(np.float32), np.repeat(np.arange(people), photos)
