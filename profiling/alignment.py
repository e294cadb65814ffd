"""Turn five landmarks into a chip: the face upright, at the size and place its network was trained on.

A similarity transform (turn, scale, shift; never a shear) is fitted by least squares (Umeyama 1991) from the landmarks
to the network's template. The photo is read bilinearly at several points a chip pixel when it has to be shrunk, so that
fine texture does not alias; what lies outside the photo is mid grey.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from profiling.chips import ChipSpec

MID_GREY = 127.5  # of 0..255; becomes 128 in a chip
MAX_SUPERSAMPLING = 8  # points a chip pixel and axis: enough for a face ten times the chip's size
SAMPLES_AT_ONCE = 2_000_000  # points read in one go: about 50 MB
MIN_SPREAD = 1e-3  # px, root mean square of the landmarks around their centre; below it they are one point
GREY = (299, 587, 114)  # thousandths of red, green and blue in luma (ITU-R BT.601)

Floats = npt.NDArray[np.float64]


def cut_chips(
    pixels: npt.NDArray[np.uint8], landmarks: npt.NDArray[np.floating], spec: ChipSpec
) -> npt.NDArray[np.uint8]:
    """Cut one chip a face out of a photo.

    Parameters
    ----------
    pixels : uint8 [H, W, 3], upright.
    landmarks : float [n, 5, 2], x and y in pixels; (0, 0) is the centre of the photo's upper left pixel.
    spec : the network's chip.

    Returns
    -------
    uint8 [n, size, size, 3]. A chip depends on its own landmarks and the photo only, not on the other faces. Landmarks
    that are not finite or all in one place fit no transform: their chip is grey all over.
    """
    chips = np.full((len(landmarks), spec.size, spec.size, 3), round(MID_GREY), np.uint8)
    matrices, usable = fit_similarities(np.asarray(landmarks, np.float64), spec)
    if not usable.any():
        return chips
    photo = torch.from_numpy(np.require(pixels, np.uint8, ["C", "W"])).permute(2, 0, 1).to(torch.float32) - MID_GREY
    for faces, factor in _batches(matrices, usable, spec.size):
        grid = _sampling_grid(matrices[faces], factor, spec.size, pixels.shape[0], pixels.shape[1])
        chips[faces] = _read(photo, grid, factor)
    return chips


def fit_similarities(landmarks: Floats, spec: ChipSpec) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Least-squares similarities from the chip to the photo.

    Returns
    -------
    float64 [n, 2, 3] that map chip to photo pixels, and bool [n]: whether the landmarks determine one.
    """
    chosen = np.ascontiguousarray(landmarks[:, list(spec.points)])
    finite: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(chosen), axis=(1, 2))
    chosen[~finite] = 0.0
    goal = np.asarray(spec.template, np.float64)[list(spec.points)]
    centre, goal_centre = chosen.mean(axis=1), goal.mean(axis=0)
    from_centre, to_centre = chosen - centre[:, None], goal - goal_centre
    spread = (from_centre**2).sum(axis=(1, 2))
    along = (from_centre * to_centre).sum(axis=(1, 2))
    across = (from_centre[..., 0] * to_centre[:, 1] - from_centre[..., 1] * to_centre[:, 0]).sum(axis=1)
    length = along**2 + across**2  # squared, of (scale * cos, scale * sin) * spread
    usable = finite & (spread > len(goal) * MIN_SPREAD**2) & (length > 0)
    ratio = spread / np.where(usable, length, 1.0)
    cosine, sine = along * ratio, across * ratio  # the inverse of [[a, -b], [b, a]] is [[a, b], [-b, a]] / (a² + b²)
    turn = np.stack([np.stack([cosine, sine], 1), np.stack([-sine, cosine], 1)], 1)
    shift = centre - (turn * goal_centre).sum(axis=2)
    return np.concatenate([turn, shift[..., None]], axis=2), usable


def sharpness(chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Variance of the Laplacian of each grey chip (Pech-Pacheco et al. 2000): 0 for a flat one, hundreds when sharp.

    Parameters
    ----------
    chips : uint8 [n, s, s, 3] RGB.

    Returns
    -------
    float32 [n], in squared grey levels; computed in whole numbers, so the same on every machine.
    """
    return np.array([_laplacian_variance(chip) for chip in chips], np.float32)


def _laplacian_variance(chip: npt.NDArray[np.uint8]) -> float:
    grey = chip.astype(np.int64) @ np.array(GREY, np.int64)  # thousandths of a grey level
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    laplacian = around - 4 * grey[1:-1, 1:-1]
    count, total, squares = laplacian.size, int(laplacian.sum()), int((laplacian**2).sum())
    return (squares * count - total * total) / (count * count * 1_000_000)


def _batches(matrices: Floats, usable: npt.NDArray[np.bool_], size: int) -> Iterator[tuple[npt.NDArray[np.intp], int]]:
    """Faces that need the same supersampling, as many as `SAMPLES_AT_ONCE` allows."""
    scale = np.hypot(matrices[:, 0, 0], matrices[:, 1, 0])  # photo pixels a chip pixel
    factors = np.clip(np.ceil(scale - 0.25), 1, MAX_SUPERSAMPLING).astype(np.int64)
    for factor in np.unique(factors[usable]):
        faces = np.flatnonzero(usable & (factors == factor))
        step = max(1, SAMPLES_AT_ONCE // int(size * factor) ** 2)
        for start in range(0, len(faces), step):
            yield faces[start : start + step], int(factor)


def _sampling_grid(matrices: Floats, factor: int, size: int, height: int, width: int) -> torch.Tensor:
    """Where in the photo each point is read: float32 [n, size * factor, size * factor, 2], -1..1 from edge to edge."""
    at = (np.arange(size * factor) + 0.5) / factor - 0.5
    n, side = len(matrices), size * factor
    grid = np.empty((n, side, side, 2), np.float32)
    for axis, extent in ((0, width), (1, height)):
        along_x, along_y, shift = (matrices[:, axis, column, None, None] for column in range(3))
        place = along_x * at[None, None, :] + along_y * at[None, :, None] + shift
        grid[..., axis] = (place + 0.5) * (2.0 / extent) - 1.0
    return torch.from_numpy(grid)


@torch.inference_mode()
def _read(photo: torch.Tensor, grid: torch.Tensor, factor: int) -> npt.NDArray[np.uint8]:
    """Bilinear samples of the photo (mid grey = 0 inside and outside), averaged over each chip pixel."""
    batch = photo[None].expand(len(grid), -1, -1, -1)
    samples = F.grid_sample(batch, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    if factor > 1:
        samples = F.avg_pool2d(samples, factor)
    chips = (samples + MID_GREY).round().clamp(0, 255).to(torch.uint8)
    return chips.permute(0, 2, 3, 1).contiguous().numpy()
