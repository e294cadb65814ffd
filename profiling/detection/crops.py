"""Square crops of a photo for R-Net and O-Net, all at once and without stretching what lies at the border."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from profiling.detection.pyramid import HALF_RANGE, MID_GREY, Array, Places, Table, as_float, beside, sum_colours

Squares = npt.NDArray[np.int64]  # [n, 3] left, top, side in whole pixels


def square_up(boxes: npt.NDArray[np.float32]) -> Squares:
    """The smallest whole-pixel squares with the boxes' centres and longer sides; they may reach outside the photo.

    Parameters
    ----------
    boxes : float32 [n, 4] x0, y0, x1, y1 in pixels, edges (a box of one pixel is 1 wide).
    """
    wide = boxes.astype(np.float64)
    sides = np.maximum(np.rint((wide[:, 2:] - wide[:, :2]).max(axis=1, initial=0.0)), 1.0)
    corners = np.floor((wide[:, :2] + wide[:, 2:] - sides[:, None]) / 2 + 0.5)
    return np.column_stack([corners, sides]).astype(np.int64)


def cut_crops(sums: Table, squares: Squares, crops: Array) -> None:
    """Resample squares of a photo by averaging areas.

    Parameters
    ----------
    sums : the photo's summed-area table (`pyramid.sum_areas`).
    squares : int64 [n, 3] left, top, side.
    crops : float32 [n, size, size, 3], where the table is; receives the crops, mid grey = 0; outside the photo mid
        grey. Each pixel is the mean over the bin that adaptive average pooling of the square, padded with grey, would
        use.
    """
    if not len(squares):
        return
    size, height, width = crops.shape[1], sums.shape[0] - 1, sums.shape[1] - 1
    lefts, tops, sides = squares.T
    left, right, wide = (beside(sums, edges) for edges in _bins(lefts, sides, size, width))
    top, bottom, high = (beside(sums, edges) for edges in _bins(tops, sides, size, height))

    def between(upper: Array, lower: Array) -> Array:
        rows = [(row * (width + 1))[:, :, None] for row in (upper, lower)]
        (up_left, up_right), (low_left, low_right) = (
            [sums.take(row + column[:, None, :]) for column in (left, right)] for row in rows
        )
        low_right -= up_right
        low_right -= low_left
        low_right += up_left
        return low_right

    greys = (as_float(bottom - top) * MID_GREY)[:, :, None] * as_float(right - left)[:, None, :]
    areas = (as_float(high) * HALF_RANGE)[:, :, None] * as_float(wide)[:, None, :]
    largest = int(sides.max()) // size + 2
    for channel, values in enumerate(sum_colours(between, top, bottom, largest, largest)):
        values -= greys
        values /= areas
        crops[..., channel] = values


def _bins(start: Places, side: Places, size: int, extent: int) -> tuple[Places, Places, Places]:
    """First and last + 1 pixel of each bin within the photo, and the bin's whole length: [n, size]."""
    part = np.arange(size)
    low = start[:, None] + part * side[:, None] // size
    high = start[:, None] + ((part + 1) * side[:, None] + size - 1) // size
    return low.clip(0, extent), high.clip(0, extent), high - low
