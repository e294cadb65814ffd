"""The image pyramid: a photo at every size at which a face may fill one P-Net cell.

All shrinking reads one summed-area table (Crow 1984), so a level costs what it holds, not what the photo holds. A
pixel's sums of red, green and blue are 21 bits each of one int64: 8 bytes are fetched, added and subtracted as one.
They run over into each other and around, yet a difference is exact as long as each of its three sums fits 21 bits.

On a CPU tables are NumPy's, which takes less than half of PyTorch's time for them, on a GPU PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from profiling.detection.networks import CELL
from profiling.settings import DetectionSettings

MID_GREY = 127.5  # pixel value that the networks see as zero
HALF_RANGE = 128.0  # pixel values from zero to one
CACHED = 32_768  # sums worked on at once, 8 bytes each: they stay in a core's own cache
BITS = 21  # of a colour's sum
LARGEST = (1 << BITS) - 1
BIN = LARGEST // 255  # pixels of a difference, at most, be they white: 8,224

Table = Any  # int64 [H + 1, W + 1] of one photo: a NumPy array or a tensor
Array = Any  # likewise
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """One size of a photo, in pixels; its canvas is the next even size, so that pooling has no partial windows."""

    height: int
    width: int

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width of the canvas, even."""
        return self.height + self.height % 2, self.width + self.width % 2


def plan_levels(height: int, width: int, settings: DetectionSettings) -> list[Level]:
    """The pyramid of a photo, largest level first; none when its shorter side is below `min_face`.

    Scales are 12 / min_face, then times `factor`, as long as the shorter side fills a cell. A level is rounded up to
    whole pixels, so its own ratio to the photo, and not the scale, maps it back.
    """
    levels = []
    shrunk = 1.0
    while min(height, width) * shrunk >= settings.min_face:
        scale = shrunk * CELL / settings.min_face
        levels.append(Level(int(height * scale + 1), int(width * scale + 1)))
        shrunk *= settings.factor
    return levels


def sum_areas(pixels: Array) -> Table:
    """Summed-area table of uint8 [H, W, 3], array or tensor: int64 [H + 1, W + 1], zero in its first row and column."""
    height, width, _ = pixels.shape
    if isinstance(pixels, torch.Tensor):
        sums = torch.zeros((height + 1, width + 1), dtype=torch.int64, device=pixels.device)
        torch.cumsum(_pack(pixels, sums[1:, 1:]).cumsum(1), 0, out=sums[1:, 1:])
        return sums
    table = np.zeros((height + 1, width + 1), np.int64)
    inner = _pack(pixels, table[1:, 1:])
    np.cumsum(inner, 1, out=inner)
    for above, below in pairwise(table[1:]):  # whole rows, because down a column each step misses the cache
        np.add(above, below, out=below)
    return table


def split_evenly(extent: int, parts: int) -> tuple[Places, Places]:
    """First and last + 1 pixel of each of `parts` bins over `extent` pixels, as adaptive average pooling cuts them."""
    part = np.arange(parts)
    return part * extent // parts, ((part + 1) * extent + parts - 1) // parts


def draw_level(sums: Table, level: Level, canvas: Array) -> None:
    """Draw the photo at one level into `canvas`, float32 [level.height, level.width, 3], mid grey = 0."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    top, bottom = (beside(sums, edges) for edges in split_evenly(height, level.height))
    left, right = (beside(sums, edges) for edges in split_evenly(width, level.width))
    widths = as_float(right - left) * HALF_RANGE

    def between(upper: Array, lower: Array) -> Array:
        rows = sums[lower]
        rows -= sums[upper]
        bins = _columns(rows, right)
        bins -= _columns(rows, left)
        return bins

    tallest, widest = height // level.height + 2, width // level.width + 2
    portion = max(1, CACHED // width)
    for start in range(0, level.height, portion):
        upper, lower = top[start : start + portion], bottom[start : start + portion]
        areas = as_float(lower - upper)[:, None] * widths
        for channel, values in enumerate(sum_colours(between, upper, lower, tallest, widest)):
            values /= areas
            values -= MID_GREY / HALF_RANGE
            canvas[start : start + portion, :, channel] = values


def sum_colours(
    between: Callable[[Array, Array], Table], top: Array, bottom: Array, tallest: int, widest: int
) -> list[Array]:
    """Sums of red, green and blue over bins, float32.

    Parameters
    ----------
    between : differences of a table from rows `top` to rows `bottom`.
    tallest, widest : no bin is larger, pixels; large ones are summed in strips of `BIN` pixels, a row at least.
    """
    strips = -(-tallest // max(1, BIN // widest))
    found: list[Array] = []
    for strip in range(strips):
        upper, lower = (top + (bottom - top) * edge // strips for edge in (strip, strip + 1))
        bins = between(upper, lower)
        colours = [bins & LARGEST, bins >> BITS & LARGEST, bins >> 2 * BITS]
        found = [one + other for one, other in zip(found, colours, strict=True)] if found else colours
    return [as_float(colour) for colour in found]


def beside(sums: Table, places: Places) -> Array:
    """Places of a table where the table is."""
    return torch.from_numpy(places).to(sums.device) if isinstance(sums, torch.Tensor) else places


def as_float(whole: Array) -> Array:
    """Whole numbers as float32."""
    return whole.to(torch.float32) if isinstance(whole, torch.Tensor) else whole.astype(np.float32)


def _columns(rows: Array, columns: Array) -> Array:
    """Some columns of rows; in NumPy's indexing by brackets they would lie one after the other."""
    return rows[:, columns] if isinstance(rows, torch.Tensor) else rows.take(columns, 1)


def _pack(pixels: Array, into: Array) -> Array:
    """Three colours in one number, red lowest."""
    into[...] = pixels[..., 2]
    for channel in (1, 0):
        into <<= BITS
        into += pixels[..., channel]
    return into
