"""The image pyramid: a photo at every size at which a face may fill one P-Net cell.

All shrinking reads one summed-area table (Crow 1984), so a level costs what it holds, not what the photo holds. A
pixel's sums of red, green, blue and nothing are 32 bits each, in two int64 that are added and subtracted as one: 16
bytes are fetched at once. They may wrap around: a difference is exact as long as no sum within it reaches 2**31, which
8 million white pixels do and no bin of a level or crop does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from profiling.detection.networks import CELL
from profiling.settings import DetectionSettings

MID_GREY = 127.5  # pixel value that the networks see as zero
HALF_RANGE = 128.0  # pixel values from zero to one
CACHED = 32_768  # sums worked on at once, 16 bytes each: they stay in a core's own cache
PLANES = 4  # 32-bit sums a pixel of the table: red, green, blue, nothing


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


def sum_areas(pixels: torch.Tensor) -> torch.Tensor:
    """Summed-area table of uint8 [H, W, 3]: int64 [H + 1, W + 1, 2], zero in its first row and column."""
    height, width, channels = pixels.shape
    sums = torch.zeros((height + 1, width + 1, PLANES // 2), dtype=torch.int64, device=pixels.device)
    planes = _planes(sums)
    for channel in range(channels):  # one by one: PyTorch and NumPy copy three of four at a third of the speed
        planes[1:, 1:, channel] = pixels[..., channel]
    torch.cumsum(sums, 1, out=sums)
    if sums.device.type != "cpu":
        return torch.cumsum(sums, 0, out=sums)
    rows = sums.numpy()
    for above, below in pairwise(rows[1:]):  # whole rows, because down a column each step misses the cache
        np.add(above, below, out=below)
    return sums


def split_evenly(extent: int, parts: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last + 1 pixel of each of `parts` bins over `extent` pixels, as adaptive average pooling cuts them."""
    part = torch.arange(parts, device=device)
    return part * extent // parts, ((part + 1) * extent + parts - 1) // parts


def draw_level(sums: torch.Tensor, level: Level, canvas: torch.Tensor) -> None:
    """Draw the photo at one level into `canvas`, float32 [level.height, level.width, 3], mid grey = 0."""
    top, bottom = split_evenly(sums.shape[0] - 1, level.height, sums.device)
    left, right = split_evenly(sums.shape[1] - 1, level.width, sums.device)
    widths = ((right - left) * HALF_RANGE).repeat_interleave(PLANES)
    portion = max(1, CACHED // sums.shape[1])
    for start in range(0, level.height, portion):
        upper, lower = top[start : start + portion], bottom[start : start + portion]
        rows = sums.index_select(0, lower).sub_(sums.index_select(0, upper))
        bins = _planes(_columns(rows, right).sub_(_columns(rows, left))).to(torch.float32)
        bins.view(len(upper), -1).div_((lower - upper)[:, None] * widths)
        for channel in range(canvas.shape[2]):
            torch.sub(bins[..., channel], MID_GREY / HALF_RANGE, out=canvas[start : start + portion, :, channel])


def gather(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Sums int64 [n, 2] at flat places int64 [n] of a table [..., 2]."""
    # complex128 stands for 16 bytes that are never computed with: index_select copies elements of any type
    return table.view(torch.complex128).view(-1).index_select(0, places).view(torch.int64).view(-1, PLANES // 2)


def _columns(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Some columns of rows int64 [h, w, 2]."""
    whole = rows.view(torch.complex128)[..., 0]
    if rows.device.type == "cpu":  # NumPy takes a third of the time
        chosen = torch.from_numpy(whole.numpy().take(columns.numpy(), 1))
    else:
        chosen = whole.index_select(1, columns)
    return chosen.view(torch.int64).view(*chosen.shape, PLANES // 2)


def _planes(sums: torch.Tensor) -> torch.Tensor:
    """Sums int64 [..., 2] as the int32 [..., 4] that they are made of."""
    return sums.view(torch.int32).view(*sums.shape[:-1], PLANES)
