"""The image pyramid: a photo at every size at which a face may fill one P-Net cell.

All shrinking reads one summed-area table (Crow 1984), so a level costs what it holds, not what the photo holds. The
table is int32 and may wrap around: differences stay exact as long as one sum stays below 2**31, which 8 million white
pixels reach and no bin of a level or crop does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from profiling.detection.networks import CELL
from profiling.settings import DetectionSettings

MID_GREY = 127.5  # pixel value that the networks see as zero
HALF_RANGE = 128.0  # pixel values from zero to one


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
    """Summed-area table of uint8 [H, W, 3]: int32 [H + 1, W + 1, 3], zero in its first row and column."""
    height, width, channels = pixels.shape
    sums = torch.zeros((height + 1, width + 1, channels), dtype=torch.int32, device=pixels.device)
    inner = sums[1:, 1:]
    torch.cumsum(pixels, 0, dtype=torch.int32, out=inner)
    torch.cumsum(inner, 1, dtype=torch.int32, out=inner)
    return sums


def split_evenly(extent: int, parts: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last + 1 pixel of each of `parts` bins over `extent` pixels, as adaptive average pooling cuts them."""
    part = torch.arange(parts, device=device)
    return part * extent // parts, ((part + 1) * extent + parts - 1) // parts


def draw_level(sums: torch.Tensor, level: Level) -> torch.Tensor:
    """The photo at one level: float32 [1, 3, *level.canvas], mid grey = 0, in channels-last order; rest of canvas 0."""
    top, bottom = split_evenly(sums.shape[0] - 1, level.height, sums.device)
    left, right = split_evenly(sums.shape[1] - 1, level.width, sums.device)
    rows = sums.index_select(0, bottom) - sums.index_select(0, top)
    bins = (rows.index_select(1, right) - rows.index_select(1, left)).to(torch.float32)
    areas = ((bottom - top)[:, None] * (right - left)[None, :]).to(torch.float32)
    canvas = torch.zeros((1, *level.canvas, 3), device=sums.device)
    torch.sub(
        bins / (areas * HALF_RANGE)[..., None], MID_GREY / HALF_RANGE, out=canvas[0, : level.height, : level.width]
    )
    return canvas.permute(0, 3, 1, 2)
