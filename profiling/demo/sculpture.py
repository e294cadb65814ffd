"""The head as a sculptor's block: a grid of points on a skull, on which features are then shaped and painted.

Rows of the grid run from chin to crown, columns around the head from ear to ear; both are denser where the face is.
Features add to `relief` (outwards from the face) and paint into `colours`; each touches only a `Patch` of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiling.demo.brushes import Plane, noise, ridge, soft_step
from profiling.demo.identity import Identity, Skull
from profiling.demo.views import View

ROWS, COLUMNS = 3.0, 2.4  # grid points per pixel of half a head width: neighbours lie under two pixels apart
HALF_HEIGHT = 1.47  # of the head
DEPTH = 1.16  # of the head in front of its axis


@dataclass(frozen=True)
class Patch:
    """The part of the grid that one feature may touch; all planes are views of the sculpture's."""

    x: Plane
    side: Plane  # |x|: features come in mirrored pairs
    y: Plane
    relief: Plane
    colours: Plane
    front: Plane
    where: tuple[slice, slice]


@dataclass
class Sculpture:
    """A head in the making: planes [rows, columns], colours [3, rows, columns]."""

    person: Identity
    view: View
    rng: np.random.Generator
    pixels: float  # half a head width in pixels of the picture
    angle: Plane  # [1, columns] radians around the head, 0 = towards the face
    x: Plane
    y: Plane
    z: Plane
    front: Plane  # 1 on the face, 0 behind the ears
    relief: Plane
    colours: Plane
    waviness: Plane  # noise along which wrinkles bend

    @property
    def rows(self) -> int:
        """Points from chin to crown."""
        return int(self.x.shape[0])

    @property
    def columns(self) -> int:
        """Points from ear to ear."""
        return int(self.x.shape[1])

    @property
    def nose_tip(self) -> float:
        """Height of the tip of the nose."""
        return self.person.eyes.y - self.person.nose.length

    @property
    def mouth_y(self) -> float:
        """Height of the mouth; a smile lifts it."""
        return self.person.mouth.y + 0.02 * self.view.smile

    @property
    def mouth_width(self) -> float:
        """Half width of the mouth; a smile widens it."""
        return self.person.mouth.width * (1 + 0.16 * self.view.smile)

    def patch(self, low: float, high: float, angle: float) -> Patch:
        """The grid between two heights and within `angle` radians of the middle of the face."""
        rows = np.flatnonzero((self.y[:, 0] > low) & (self.y[:, 0] < high))
        columns = np.flatnonzero(np.abs(self.angle[0]) < angle)
        a = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        x, y = self.x[a], self.y[a]
        return Patch(x, np.abs(x), y, self.relief[a], self.colours[(slice(None), *a)], self.front[a], a)

    def point(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the grid point nearest to (x, y) on the face."""
        row = int(np.argmin(np.abs(self.y[:, 0] - y)))
        behind = 9 * (np.abs(np.degrees(self.angle))[0] > 75)
        return row, int(np.argmin(np.abs(self.x[row] - x) + behind))


def carve_skull(person: Identity, view: View, pixels: float) -> Sculpture:
    """The bare, evenly coloured head of a person."""
    rows, columns = int(ROWS * pixels), int(COLUMNS * pixels)
    rng = np.random.default_rng(person.seed)
    along = np.linspace(-1, 1, columns, dtype=np.float32)[None]
    angle = 1.45 * along + 0.6 * along**3
    height = np.sin(np.radians(np.linspace(-88, 88.5, rows, dtype=np.float32)))[:, None]
    y, radius = _surface(person.skull, height, angle)
    x, z = radius * np.sin(angle), radius * np.cos(angle)
    front = soft_step(np.cos(angle) - 0.1, 0.15) + 0 * x
    waviness = noise(rng, x.shape, 6, 8)
    colours = np.empty((3, *x.shape), np.float32)
    colours[:] = person.skin.colour[:, None, None]
    pores = 0.03 * noise(rng, x.shape, rows / 3, columns / 3)
    colours *= 1 + pores + (0.03 + 0.03 * person.wrinkles) * noise(rng, x.shape, 14, 14)
    return Sculpture(person, view, rng, pixels, angle, x, y, z, front, np.zeros_like(x), colours, waviness)


def _surface(skull: Skull, height: Plane, angle: Plane) -> tuple[Plane, Plane]:
    """Heights and distances from the head's axis: every level is a superellipse of its own width and depth."""
    level, upper = np.abs(height), height > 0
    y = HALF_HEIGHT * height * np.where(upper, skull.crown, skull.chin).astype(np.float32)
    jaw = (1 - level**skull.jaw) ** 0.5 * (1 - skull.taper * level**1.4)
    width = np.where(upper, (1 - level**2.6) ** 0.5, jaw) * skull.width
    width = width * (1 + skull.cheek * ridge(y + 0.3, 0.3) + skull.fat * ridge(y + 0.85, 0.4))
    depth = np.where(upper, (1 - level**2.8) ** 0.5 * DEPTH, (1 - level**8) ** 0.5 * (DEPTH - 0.1 * level))
    k = skull.square
    radius = ((np.abs(np.sin(angle)) / width) ** k + (np.abs(np.cos(angle)) / depth) ** k) ** (-1 / k)
    return y + np.zeros_like(radius), radius
