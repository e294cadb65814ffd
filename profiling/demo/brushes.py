"""Brushes on planes of numbers: soft bumps, soft edges, smooth noise, and paint for three colour planes.

Everything of a drawn person is made of these few strokes. Lengths are in half head widths, colours run from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Plane: TypeAlias = npt.NDArray[np.floating[Any]]
Colour: TypeAlias = Sequence[float] | npt.NDArray[np.floating[Any]]  # red, green, blue

SHADE = (0.6, 0.85, 0.9)  # skin in a hollow loses blue first, red last


def bell(x: Plane, y: Plane, at: tuple[float, float], width: float, height: float) -> Plane:
    """Gaussian bump of height 1 around `at`; `width` and `height` are where it has fallen to 1/e."""
    bump: Plane = np.exp(-(((x - at[0]) / width) ** 2) - ((y - at[1]) / height) ** 2)
    return bump


def ridge(distance: Plane, width: float) -> Plane:
    """Gaussian ridge of height 1 along distance 0."""
    line: Plane = np.exp(-((distance / width) ** 2))
    return line


def soft_step(distance: Plane, width: float = 0.02) -> Plane:
    """0 where `distance` is below -width, 1 above width, a ramp between."""
    ramp: Plane = np.clip(0.5 + (0.5 / width) * distance, 0, 1)
    return ramp


def noise(rng: np.random.Generator, shape: tuple[int, ...], rows: float, columns: float) -> Plane:
    """Normal noise of `shape` [h, w] that varies smoothly over about `rows` by `columns` cells."""
    cells = rng.standard_normal((max(2, int(rows)), max(2, int(columns)))).astype(np.float32)
    return np.asarray(Image.fromarray(cells).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def blend(planes: Plane, mask: Plane, paint: Sequence[Any] | Plane) -> None:
    """Mix `paint` (three numbers or three planes) into the colour planes [3, h, w] in place, by mask 0 to 1."""
    for k in range(3):
        planes[k] += mask * (paint[k] - planes[k])


def darken(planes: Plane, mask: Plane, shares: tuple[float, float, float]) -> None:
    """Take the share of each colour away in place, by mask 0 to 1."""
    for k in range(3):
        planes[k] *= 1 - shares[k] * mask
