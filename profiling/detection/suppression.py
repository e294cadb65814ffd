"""Non-maximum suppression, and orders that do not depend on chance."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

ROWS_AT_ONCE = 64  # boxes compared with all others in one go: memory grows with n, not with n²; 256 take longer

Boxes = npt.NDArray[np.float32]
Order = npt.NDArray[np.intp]


def best_first(scores: npt.NDArray[np.float32], limit: int | None = None) -> Order:
    """Indices by falling score, ties in the order given; at most `limit` of them."""
    return np.argsort(-scores, kind="stable")[:limit]


def suppress(
    boxes: Boxes, scores: npt.NDArray[np.float32], threshold: float, over: Literal["union", "smaller"] = "union"
) -> Order:
    """Keep the best box of every heap of overlapping boxes (greedy non-maximum suppression).

    Parameters
    ----------
    boxes : float32 [n, 4] x0, y0, x1, y1.
    scores : float32 [n].
    threshold : a box goes when its overlap with a better kept one exceeds this share.
    over : overlap divided by the area of the union, or of the smaller box (which also removes a box within a box).

    Returns
    -------
    Indices of the kept boxes, best first; equal scores keep the order given.

    Notes
    -----
    O(n²) time at worst, O(n) memory.
    """
    order = best_first(scores)
    ranked = boxes[order]
    areas = (ranked[:, 2] - ranked[:, 0]) * (ranked[:, 3] - ranked[:, 1])
    alive = np.ones(len(ranked), bool)
    for start in range(0, len(ranked), ROWS_AT_ONCE):
        rows = start + np.flatnonzero(alive[start : start + ROWS_AT_ONCE])
        covered = _overlaps(ranked, areas, rows, start, over, threshold)
        for row, covers in zip(rows, covered, strict=True):
            if alive[row]:
                alive[start:] &= ~covers
                alive[row] = True
    return order[alive]


def _overlaps(
    ranked: Boxes, areas: npt.NDArray[np.float32], rows: Order, start: int, over: str, threshold: float
) -> npt.NDArray[np.bool_]:
    """Whether each of `rows` overlaps each box from `start` on by more than the threshold: bool [rows, n - start]."""
    some, rest = ranked[rows, None], ranked[None, start:]
    width = np.minimum(some[..., 2], rest[..., 2]) - np.maximum(some[..., 0], rest[..., 0])
    height = np.minimum(some[..., 3], rest[..., 3]) - np.maximum(some[..., 1], rest[..., 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    one, other = areas[rows, None], areas[None, start:]
    base = np.minimum(one, other) if over == "smaller" else one + other - shared
    return shared > np.float32(threshold) * base  # type: ignore[no-any-return]
