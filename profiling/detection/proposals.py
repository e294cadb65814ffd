"""Stage 1: what P-Net proposes over a photo's pyramid, capped before it can cost much."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from profiling.detection.networks import CELL, STRIDE, ProposalNet
from profiling.detection.pyramid import Table, plan_levels
from profiling.detection.sheet import Place, draw_sheet, plan_sheets
from profiling.detection.strips import scan
from profiling.detection.suppression import best_first, suppress
from profiling.settings import DetectionSettings

RAW_FACTOR = 5  # times stage1_candidates: cells kept a level and a photo before suppression; a mosaic of 576 has 8,032
LEVEL_OVERLAP = 0.5  # intersection over union within a level; Zhang et al. 2016, authors' code
PHOTO_OVERLAP = 0.7  # the same between levels

Floats = npt.NDArray[np.float32]
Corners = npt.NDArray[np.int64]


class _Cells(NamedTuple):
    """Cells that may hold a face: their edges in photo pixels, score, and P-Net's correction of the edges."""

    boxes: Floats
    scores: Floats
    shifts: Floats

    def pick(self, rows: npt.NDArray[np.intp]) -> _Cells:
        return _Cells(self.boxes[rows], self.scores[rows], self.shifts[rows])


def propose(network: ProposalNet, sums: Table, settings: DetectionSettings) -> Floats:
    """Boxes that P-Net proposes for one photo.

    Parameters
    ----------
    network : P-Net.
    sums : the photo's summed-area table.

    Returns
    -------
    float32 [n, 4] x0, y0, x1, y1 in pixels, n <= `stage1_candidates`, best first.
    """
    extent = sums.shape[0] - 1, sums.shape[1] - 1
    levels = plan_levels(*extent, settings)
    if not levels:
        return np.zeros((0, 4), np.float32)
    raw, chosen = RAW_FACTOR * settings.stage1_candidates, []
    for sheet in plan_sheets(tuple(levels)):
        corners, answers = _score(network, draw_sheet(sums, sheet), settings.thresholds[0])
        for place in sheet.places:
            cells = _cells(place, corners, answers, extent)
            cells = cells.pick(best_first(cells.scores, raw))
            chosen.append(cells.pick(suppress(cells.boxes, cells.scores, LEVEL_OVERLAP)))
    cells = _Cells(*(np.concatenate(column) for column in zip(*chosen, strict=True)))
    cells = cells.pick(best_first(cells.scores, raw))
    kept = suppress(cells.boxes, cells.scores, PHOTO_OVERLAP)[: settings.stage1_candidates]
    return shift_edges(cells.boxes[kept], cells.shifts[kept])


def shift_edges(boxes: Floats, shifts: Floats) -> Floats:
    """Move the edges of boxes [n, 4] by shares [n, 4] of their width and height, as all three networks answer."""
    sides = boxes[:, 2:] - boxes[:, :2]
    moved: Floats = boxes + shifts * np.concatenate([sides, sides], axis=1)
    return moved


def _score(network: ProposalNet, sheet: torch.Tensor, threshold: float) -> tuple[Corners, Floats]:
    """All cells of a sheet at or above the threshold, row by row.

    Returns
    -------
    int64 [n, 2] the cells' upper and left edges on the sheet, pixels; float32 [n, 5] logit of the score, and the
    correction of the edges.
    """
    maps = scan(network, sheet.to(network.conv1.weight.dtype))[0].float().permute(1, 2, 0)
    logits = (maps[..., 1] - maps[..., 0]).cpu().numpy()
    rows, columns = np.nonzero(logits >= _logit(threshold))
    shifts = maps[torch.from_numpy(rows).to(maps.device), torch.from_numpy(columns).to(maps.device), 2:].cpu().numpy()
    corners = np.stack([rows, columns], axis=1) * STRIDE
    return corners, np.concatenate([logits[rows, columns][:, None], shifts], axis=1)


def _cells(place: Place, corners: Corners, answers: Floats, extent: tuple[int, int]) -> _Cells:
    """The cells that lie within one level, mapped back to a photo of `extent` (height, width)."""
    inner = corners - [place.top, place.left]
    own = np.flatnonzero((inner >= 0).all(1) & (inner <= np.array(place.level.canvas) - CELL).all(1))
    corner, picked = inner[own, ::-1].astype(np.float64), answers[own]
    ratio = np.array([extent[1] / place.level.width, extent[0] / place.level.height])
    boxes = np.concatenate([corner * ratio, (corner + CELL) * ratio], axis=1)
    scores = 1 / (1 + np.exp(-picked[:, 0].astype(np.float64)))
    return _Cells(boxes.astype(np.float32), scores.astype(np.float32), picked[:, 1:])


def _logit(share: float) -> float:
    if not 0 < share < 1:
        return math.inf if share >= 1 else -math.inf
    return math.log(share / (1 - share))
