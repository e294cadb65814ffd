"""Stage 1: what P-Net proposes over a photo's pyramid, capped before it can cost much."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from profiling.detection.networks import CELL, STRIDE
from profiling.detection.pyramid import Level, draw_level, plan_levels
from profiling.detection.suppression import best_first, suppress
from profiling.settings import DetectionSettings

RAW_FACTOR = 5  # times stage1_candidates: cells kept a level and a photo before suppression; a mosaic of 576 has 8,032
LEVEL_OVERLAP = 0.5  # intersection over union within a level; Zhang et al. 2016, authors' code
PHOTO_OVERLAP = 0.7  # the same between levels

Floats = npt.NDArray[np.float32]


class _Cells(NamedTuple):
    """Cells that may hold a face: their edges in photo pixels, score, and P-Net's correction of the edges."""

    boxes: Floats
    scores: Floats
    shifts: Floats

    def pick(self, rows: npt.NDArray[np.intp]) -> _Cells:
        return _Cells(self.boxes[rows], self.scores[rows], self.shifts[rows])


def propose(network: nn.Module, sums: torch.Tensor, settings: DetectionSettings) -> Floats:
    """Boxes that P-Net proposes for one photo.

    Parameters
    ----------
    network : P-Net.
    sums : the photo's summed-area table.

    Returns
    -------
    float32 [n, 4] x0, y0, x1, y1 in pixels, n <= `stage1_candidates`, best first.
    """
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    dtype = next(network.parameters()).dtype
    raw = RAW_FACTOR * settings.stage1_candidates
    levels = []
    for level in plan_levels(height, width, settings):
        maps = network(draw_level(sums, level).to(dtype))[0].float()
        cells = _cells(maps, level, (height, width), settings.thresholds[0])
        cells = cells.pick(best_first(cells.scores, raw))
        levels.append(cells.pick(suppress(cells.boxes, cells.scores, LEVEL_OVERLAP)))
    if not levels:
        return np.zeros((0, 4), np.float32)
    cells = _Cells(*(np.concatenate(column) for column in zip(*levels, strict=True)))
    cells = cells.pick(best_first(cells.scores, raw))
    kept = suppress(cells.boxes, cells.scores, PHOTO_OVERLAP)[: settings.stage1_candidates]
    return shift_edges(cells.boxes[kept], cells.shifts[kept])


def shift_edges(boxes: Floats, shifts: Floats) -> Floats:
    """Move the edges of boxes [n, 4] by shares [n, 4] of their width and height, as all three networks answer."""
    sides = boxes[:, 2:] - boxes[:, :2]
    moved: Floats = boxes + shifts * np.concatenate([sides, sides], axis=1)
    return moved


def _cells(maps: torch.Tensor, level: Level, extent: tuple[int, int], threshold: float) -> _Cells:
    """Cells of one level at or above the threshold, row by row; maps [6, h, w] as P-Net gives them."""
    logits = maps[1] - maps[0]
    rows, columns = torch.nonzero(logits >= _logit(threshold), as_tuple=True)
    picked = maps[2:, rows, columns].T.contiguous().cpu().numpy()
    scores = 1 / (1 + np.exp(-logits[rows, columns].cpu().numpy().astype(np.float64)))
    corner = np.stack([columns.cpu().numpy(), rows.cpu().numpy()], 1) * float(STRIDE)
    ratio = np.array([extent[1] / level.width, extent[0] / level.height])
    boxes = np.concatenate([corner * ratio, (corner + CELL) * ratio], axis=1)
    return _Cells(boxes.astype(np.float32), scores.astype(np.float32), picked)


def _logit(share: float) -> float:
    if not 0 < share < 1:
        return math.inf if share >= 1 else -math.inf
    return math.log(share / (1 - share))
