"""A photo's whole pyramid on one sheet, so that P-Net is asked once a photo and not once a level.

Levels lie side by side without a gap: a cell that straddles two of them belongs to none and is not read. The sheet's
sides are rounded up, because a convolution costs a millisecond to prepare for each shape that it has not met, and
tall sheets are cut into bands of one shape, which share the pixels that a cell needs, so that the networks' maps stay
small: each cell is whole in exactly one band.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from profiling.detection.networks import CELL, STRIDE
from profiling.detection.pyramid import Level, Table, draw_level

GRID = 16  # pixels to whose multiples a band's sides are rounded up: 3 to 5 % more to look at, shapes met again
BAND_PIXELS = 131_072  # a band; its widest maps take 5 MB, which malloc keeps instead of giving them back each time
SHARED = CELL - STRIDE  # rows that neighbouring bands have in common
PLANS_KEPT = 1024  # sizes of photos whose plans are remembered

Gap = tuple[int, int, int, int]  # free part of a sheet: top, left, height, width


@dataclass(frozen=True)
class Place:
    """A level and where its upper left pixel lies on the sheet; both numbers are even."""

    level: Level
    top: int
    left: int


@dataclass(frozen=True)
class Sheet:
    """The levels' places, largest first, and the bands that cover them: `bands` of `band` x `width` pixels."""

    places: tuple[Place, ...]
    bands: int
    band: int
    width: int

    @property
    def step(self) -> int:
        """Pixels from the top of one band to the top of the next."""
        return self.band - SHARED

    @property
    def height(self) -> int:
        """Pixels."""
        return self.bands * self.step + SHARED


@lru_cache(PLANS_KEPT)
def plan_sheet(levels: tuple[Level, ...]) -> Sheet:
    """Lay levels, at least one and largest first, on a sheet as wide as the first: about a tenth stays empty."""
    width = _round_up(levels[0].canvas[1])
    gaps: list[Gap] = [(0, 0, sum(level.canvas[0] for level in levels), width)]
    places = []
    for level in levels:
        high, wide = level.canvas
        fitting = [gap for gap in gaps if high <= gap[2] and wide <= gap[3]]
        gap = min(fitting, key=lambda gap: (gap[2] * gap[3], gap))
        top, left, tall, broad = gap
        places.append(Place(level, top, left))
        gaps.remove(gap)
        gaps += [(top, left + wide, high, broad - wide), (top + high, left, tall - high, broad)]
    height = max(place.top + place.level.canvas[0] for place in places)
    tallest = max(BAND_PIXELS // width, 2 * GRID)
    bands = math.ceil((height - SHARED) / (tallest - SHARED))
    return Sheet(tuple(places), bands, _round_up(math.ceil((height - SHARED) / bands) + SHARED), width)


def draw_bands(sums: Table, sheet: Sheet) -> Iterator[torch.Tensor]:
    """The bands of a photo's sheet, from the top: float32 [1, 3, band, width], mid grey = 0, channels last."""
    shape = (sheet.height, sheet.width, 3)
    drawn = torch.zeros(shape, device=sums.device) if isinstance(sums, torch.Tensor) else np.zeros(shape, np.float32)
    for place in sheet.places:
        bottom, right = place.top + place.level.height, place.left + place.level.width
        draw_level(sums, place.level, drawn[place.top : bottom, place.left : right])
    whole = torch.as_tensor(drawn)
    for number in range(sheet.bands):
        top = number * sheet.step
        yield whole[top : top + sheet.band].permute(2, 0, 1)[None]


def _round_up(side: int) -> int:
    return -(-side // GRID) * GRID
