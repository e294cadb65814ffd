"""A photo's pyramid on few sheets, so that P-Net is asked a few times a photo and not once a level.

A large level has a sheet of its own; the others lie on one, side by side without a gap: a cell that straddles two of
them belongs to none and is not read. Sheets' sides are rounded up, because a convolution costs a millisecond to prepare
for each shape that it has not met.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from profiling.detection.pyramid import Level, Table, draw_level

GRID = 16  # pixels to whose multiples a sheet's sides are rounded up: 3 % more to look at, shapes met again
OWN_GRID = 8  # the same where one level has a sheet: large photos are of fewer sizes
OWN_PIXELS = 60_000  # of a level with a sheet of its own: a call costs as much as 4,000 pixels, sharing a tenth
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
    """Levels' places, largest first, within `height` x `width` pixels."""

    places: tuple[Place, ...]
    height: int
    width: int


@lru_cache(PLANS_KEPT)
def plan_sheets(levels: tuple[Level, ...]) -> tuple[Sheet, ...]:
    """Sheets for levels, at least one and largest first, in this order."""
    large = sum(level.height * level.width >= OWN_PIXELS for level in levels)
    sheets = [_lay_out((level,), OWN_GRID) for level in levels[:large]]
    return (*sheets, _lay_out(levels[large:], GRID)) if large < len(levels) else tuple(sheets)


def _lay_out(levels: tuple[Level, ...], grid: int) -> Sheet:
    """Levels on a sheet as wide as the first: about a tenth stays empty when there are many."""
    width = _round_up(levels[0].canvas[1], grid)
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
    return Sheet(tuple(places), _round_up(height, grid), width)


def draw_sheet(sums: Table, sheet: Sheet) -> torch.Tensor:
    """A sheet of the photo, float32 [1, 3, height, width], mid grey = 0, channels last."""
    shape = (sheet.height, sheet.width, 3)
    drawn = torch.zeros(shape, device=sums.device) if isinstance(sums, torch.Tensor) else np.zeros(shape, np.float32)
    for place in sheet.places:
        bottom, right = place.top + place.level.height, place.left + place.level.width
        draw_level(sums, place.level, drawn[place.top : bottom, place.left : right])
    return torch.as_tensor(drawn).permute(2, 0, 1)[None]


def _round_up(side: int, grid: int) -> int:
    return -(-side // grid) * grid
