"""MTCNN the slow and plain way: PyTorch's own resampling, one crop and one pair of boxes at a time. The oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from profiling.detection.networks import OutputNet, ProposalNet, RefineNet, load_networks
from profiling.settings import DetectionSettings
from profiling.weights import load_mtcnn

Box = tuple[float, float, float, float]


def overlap(one: Box, other: Box, smaller: bool) -> float:
    """Intersection over the union, or over the smaller box."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (min(areas) if smaller else sum(areas) - width * height)


def suppress_slowly(boxes: Any, scores: Any, threshold: float, smaller: bool = False) -> list[int]:
    """Greedy non-maximum suppression as the textbook has it."""
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda index: -float(scores[index])):
        if all(overlap(boxes[index], boxes[better], smaller) <= threshold for better in kept):
            kept.append(index)
    return kept


def crop_slowly(pixels: npt.NDArray[np.uint8], left: int, top: int, side: int, size: int) -> torch.Tensor:
    """One square of the photo, padded with mid grey, by adaptive average pooling: float32 [3, size, size]."""
    square = np.full((side, side, 3), 127.5)
    height, width = pixels.shape[:2]
    for y in range(max(top, 0), min(top + side, height)):
        for x in range(max(left, 0), min(left + side, width)):
            square[y - top, x - left] = pixels[y, x]
    image = torch.from_numpy((square - 127.5) / 128).permute(2, 0, 1)[None]
    return F.interpolate(image, size=(size, size), mode="area")[0].float()


def square_slowly(box: Any) -> tuple[int, int, int]:
    """Left, top and side of the whole-pixel square around a box."""
    x0, y0, x1, y1 = (float(edge) for edge in box)
    side = max(round(max(x1 - x0, y1 - y0)), 1)
    return int(np.floor((x0 + x1 - side) / 2 + 0.5)), int(np.floor((y0 + y1 - side) / 2 + 0.5)), side


def shift_slowly(box: Any, shifts: Any) -> Any:
    """A box with its edges moved by shares of its sides; float32, so that rounding to pixels goes the same way."""
    edges, shares = np.asarray(box, np.float32), np.asarray(shifts, np.float32)
    return np.array([edges[k] + shares[k] * (edges[2 + k % 2] - edges[k % 2]) for k in range(4)])


class SlowDetector:
    """The three stages for one photo, without any cap."""

    def __init__(self, settings: DetectionSettings) -> None:
        networks = load_networks(load_mtcnn(), torch.device("cpu"), torch.float32)
        self.proposal: ProposalNet = networks[0]
        self.refine: RefineNet = networks[1]
        self.output: OutputNet = networks[2]
        self.settings = settings

    def propose(self, pixels: npt.NDArray[np.uint8]) -> list[Any]:
        """Stage 1."""
        image = (torch.tensor(pixels).permute(2, 0, 1)[None].float() - 127.5) / 128
        height, width = pixels.shape[:2]
        scale, boxes, scores, shifts = 12 / self.settings.min_face, [], [], []
        while min(height, width) * scale >= 12:
            size = (int(height * scale + 1), int(width * scale + 1))
            level = F.interpolate(image, size=size, mode="area")
            maps = self.proposal(F.pad(level, (0, size[1] % 2, 0, size[0] % 2)))[0]
            chance = maps[:2].softmax(0)[1]
            found = []
            for y, x in (chance >= self.settings.thresholds[0]).nonzero().tolist():
                w, h = width / size[1], height / size[0]
                box = np.array([2 * x * w, 2 * y * h, (2 * x + 12) * w, (2 * y + 12) * h], np.float32)
                found.append((box, float(chance[y, x]), maps[2:, y, x].tolist()))
            kept = suppress_slowly([f[0] for f in found], [f[1] for f in found], 0.5)
            boxes += [found[k][0] for k in kept]
            scores += [found[k][1] for k in kept]
            shifts += [found[k][2] for k in kept]
            scale *= self.settings.factor
        return [shift_slowly(boxes[k], shifts[k]) for k in suppress_slowly(boxes, scores, 0.7)]

    @torch.inference_mode()
    def detect(self, pixels: npt.NDArray[np.uint8]) -> tuple[Any, Any, Any]:
        """Boxes [n, 4], scores [n] and landmarks [n, 5, 2], best first."""
        refined = []
        for box in self.propose(pixels):
            left, top, side = square_slowly(box)
            answer = self.refine(crop_slowly(pixels, left, top, side, 24)[None])[0]
            refined.append(((left, top, left + side, top + side), float(answer[:2].softmax(0)[1]), answer[2:].tolist()))
        refined = [entry for entry in refined if entry[1] > self.settings.thresholds[1]]
        kept = suppress_slowly([entry[0] for entry in refined], [entry[1] for entry in refined], 0.7)
        faces = []
        for box, _, shifts in (refined[k] for k in kept):
            left, top, side = square_slowly(shift_slowly(box, shifts))
            answer = self.output(crop_slowly(pixels, left, top, side, 48)[None])[0].tolist()
            score = 1 / (1 + np.exp(answer[0] - answer[1]))
            if score > self.settings.thresholds[2]:
                edges = (left, top, left + side, top + side)
                xs, ys = answer[6:11], answer[11:16]
                points = [(left + x * side - 0.5, top + y * side - 0.5) for x, y in zip(xs, ys, strict=True)]
                faces.append((shift_slowly(edges, answer[2:6]), score, points))
        kept = suppress_slowly([face[0] for face in faces], [face[1] for face in faces], 0.7, smaller=True)
        return tuple(np.array([faces[k][part] for k in kept]) for part in range(3))
