"""P-Net over a sheet, strip by strip: its maps stay small, whatever the photo, and no cell is scored twice.

Either half of the network runs on strips of its own, which share with their neighbours the few rows that its kernels
reach over, and not the ten of a whole cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from profiling.detection.networks import ProposalNet

STRIP_PIXELS = 131_072  # of the sheet: the widest maps take 5 MB; measured: neither half nor twice as many are faster
GPU_PIXELS = 1 << 22  # a GPU has no use for small strips; not measured; 170 MB in the widest map


def scan(network: ProposalNet, sheet: torch.Tensor) -> torch.Tensor:
    """P-Net's answers [1, 6, h / 2 - 5, w / 2 - 5] to a sheet [1, 3, h, w], sides even; the bits of one call."""
    most = STRIP_PIXELS if sheet.device.type == "cpu" else GPU_PIXELS
    halves = _in_strips(network.begin, sheet, most, step=2, margin=2)
    return _in_strips(network.finish, halves, most // 4, step=1, margin=4)


def _in_strips(
    ask: Callable[[torch.Tensor], torch.Tensor], maps: torch.Tensor, most: int, step: int, margin: int
) -> torch.Tensor:
    """Answers to maps [1, c, h, w] in strips of `most` pixels.

    `ask` answers n rows for every n * step + margin. The last strip is moved up to be as high as the others.
    """
    height, width = maps.shape[2:]
    rows = (height - margin) // step
    strips = min(rows, math.ceil(rows * step * width / most))
    if strips <= 1:
        return ask(maps)
    high = math.ceil(rows / strips)
    answers = []
    for start in range(0, rows, high):
        top = min(start, rows - high)
        part = ask(maps[:, :, top * step : (top + high) * step + margin])
        answers.append(part[:, :, start - top :])
    return torch.cat(answers, 2)
