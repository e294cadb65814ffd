"""Square crops of a photo for R-Net and O-Net, all at once and without stretching what lies at the border."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from profiling.detection.pyramid import HALF_RANGE, MID_GREY, PLANES, gather

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


def cut_crops(sums: torch.Tensor, squares: Squares, size: int) -> torch.Tensor:
    """Resample squares of a photo to `size` pixels by averaging areas.

    Parameters
    ----------
    sums : the photo's summed-area table (`pyramid.sum_areas`).
    squares : int64 [n, 3] left, top, side.
    size : side of the crops, pixels.

    Returns
    -------
    float32 [n, size, size, 3], mid grey = 0; outside the photo mid grey. Each pixel is the mean
    over the bin that adaptive average pooling of the square, padded with grey, would use.
    """
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    place = torch.from_numpy(squares).to(sums.device)
    left, right, wide = _bins(place[:, 0], place[:, 2], size, width)
    top, bottom, high = _bins(place[:, 1], place[:, 2], size, height)

    def corner(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return gather(sums, ((y * (width + 1))[:, :, None] + x[:, None, :]).view(-1))

    total = corner(bottom, right).sub_(corner(top, right)).sub_(corner(bottom, left)).add_(corner(top, left))
    crops = total.view(torch.int32).view(len(squares), size, size * PLANES).to(torch.float32)
    inside = (bottom - top).to(torch.float32)[:, :, None] * _each_plane(right - left)
    areas = high.to(torch.float32)[:, :, None] * _each_plane(wide)
    crops.sub_(inside.mul_(MID_GREY)).div_(areas.mul_(HALF_RANGE))
    return crops.view(len(squares), size, size, PLANES)[..., :3]


def _each_plane(lengths: torch.Tensor) -> torch.Tensor:
    """Lengths [n, size] of bins as float32 [n, 1, size * PLANES]."""
    return lengths.to(torch.float32).repeat_interleave(PLANES, dim=1)[:, None]


def _bins(
    start: torch.Tensor, side: torch.Tensor, size: int, extent: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """First and last + 1 pixel of each bin within the photo, and the bin's whole length: int64 [n, size]."""
    part = torch.arange(size, device=start.device)
    low = start[:, None] + part * side[:, None] // size
    high = start[:, None] + ((part + 1) * side[:, None] + size - 1) // size
    return low.clamp(0, extent), high.clamp(0, extent), high - low
