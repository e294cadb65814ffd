"""MTCNN over several photos: propose, refine, output.

A photo's result does not depend on its company, bit for bit: P-Net runs on each photo's own sheets, R-Net and O-Net
on batches of one fixed size, padded, in (photo, candidate) order, and every selection breaks ties by a fixed order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from profiling.detection.crops import Squares, cut_crops, square_up
from profiling.detection.networks import OUTPUT_SIDE, REFINE_SIDE, OutputNet, ProposalNet, RefineNet, load_networks
from profiling.detection.proposals import propose, shift_edges
from profiling.detection.pyramid import Array, Table, sum_areas
from profiling.detection.suppression import suppress
from profiling.settings import DetectionSettings
from profiling.weights import MTCNN_SHA256, load_mtcnn

REFINE_BATCH = 64  # crops an R-Net call; fixed, because bits depend on it
OUTPUT_BATCH = 16  # crops an O-Net call; fixed, because bits depend on it
PIXELS_AT_ONCE = 8_000_000  # photos are worked on together up to this size: their tables take 8 bytes a pixel
PHOTOS_AT_ONCE = 32  # and up to this number
REFINE_OVERLAP = 0.7  # intersection over union; Zhang et al. 2016, authors' code
OUTPUT_OVERLAP = 0.7  # intersection over the smaller box; likewise
# From edges to centres; measured: one face at full, half and a third of its size then has the same landmarks to .03 px
PIXEL_CENTRE = np.float32(0.5)

Floats = npt.NDArray[np.float32]
Photo = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Detections:
    """The faces of one photo, by falling score, then x0, y0.

    Attributes
    ----------
    boxes : float32 [n, 4] x0, y0, x1, y1, pixels, edges; they may reach outside the photo.
    scores : float32 [n], 0 to 1.
    landmarks : float32 [n, 5, 2] x, y of left eye, right eye, nose, left and right corner of the mouth (image order),
        pixels; (0, 0) is the centre of the upper left pixel.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def __len__(self) -> int:
        return len(self.scores)


class Detector:
    """The three networks with their settings; make one with `Detector.load`."""

    def __init__(
        self, networks: tuple[ProposalNet, RefineNet, OutputNet], settings: DetectionSettings, device: torch.device
    ) -> None:
        self._proposal_net, self._refine_net, self._output_net = networks
        self._settings = settings
        self._device = device

    @classmethod
    def load(cls, settings: DetectionSettings, device: str = "cpu", precision: str = "float32") -> Detector:
        """Load the converted weights.

        Parameters
        ----------
        settings : smallest face, pyramid, thresholds, cap.
        device : "cpu" or "cuda".
        precision : arithmetic of the networks, "float32" or "bfloat16"; everything between them is exact or float32.

        Raises
        ------
        ModelError
            The weights are not prepared, or are not what their hash says.
        """
        place, dtype = torch.device(device), getattr(torch, precision)
        return cls(load_networks(load_mtcnn(), place, dtype), settings, place)

    @staticmethod
    def weights_id() -> str:
        """The id of the weights, known without loading them."""
        return f"mtcnn-{MTCNN_SHA256[:8]}"

    @property
    def id(self) -> str:
        """What computed the detections, settings apart."""
        return self.weights_id()

    @torch.inference_mode()
    def detect(self, photos: Sequence[Photo]) -> list[Detections]:
        """Find the faces of each photo.

        Parameters
        ----------
        photos : uint8 [H, W, 3] RGB, upright, of any sizes; one whose shorter side is below `min_face` has no faces.

        Returns
        -------
        One `Detections` a photo, in order. Bits depend neither on the other photos nor on the number of threads.
        """
        found: list[Detections] = []
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            for portion in _portions(photos):
                found += self._detect(portion)
        return found

    def _detect(self, photos: Sequence[Photo]) -> list[Detections]:
        tables = [sum_areas(self._place(photo)) for photo in photos]
        squares = [square_up(propose(self._proposal_net, table, self._settings)) for table in tables]
        answers = self._ask(self._refine_net, tables, squares, REFINE_SIDE, REFINE_BATCH)
        squares = [self._refined(*pair) for pair in zip(squares, answers, strict=True)]
        answers = self._ask(self._output_net, tables, squares, OUTPUT_SIDE, OUTPUT_BATCH)
        return [self._finished(*pair) for pair in zip(squares, answers, strict=True)]

    def _place(self, photo: Photo) -> Array:
        """A photo where its table shall be."""
        if self._device.type == "cpu":
            return photo
        return torch.from_numpy(np.require(photo, np.uint8, ["C", "W"])).to(self._device)

    def _ask(
        self, network: nn.Module, tables: Sequence[Table], squares: Sequence[Squares], side: int, batch: int
    ) -> list[Floats]:
        """Run a network on the squares of all photos, in batches of exactly `batch`; the last one is filled with grey.

        Returns
        -------
        One float32 [n, 1 + k] a photo: the face's score, then the network's other answers.
        """
        ends = np.cumsum([len(some) for some in squares])
        batches = max(1, -(-int(ends[-1]) // batch))  # one even without squares: the network knows how wide answers are
        crops = torch.zeros((batches * batch, side, side, 3), device=self._device)
        canvas = crops.numpy() if self._device.type == "cpu" else crops
        for table, some, end in zip(tables, squares, ends, strict=True):
            cut_crops(table, some, canvas[end - len(some) : end])
        dtype, answers = next(network.parameters()).dtype, []
        for part in crops.view(batches, batch, side, side, 3):
            logits = network(part.to(dtype).permute(0, 3, 1, 2)).float()
            answers.append(torch.cat([torch.sigmoid(logits[:, 1:2] - logits[:, :1]), logits[:, 2:]], 1).cpu().numpy())
        joined = np.concatenate(answers)
        return [joined[end - len(some) : end] for some, end in zip(squares, ends, strict=True)]

    def _refined(self, squares: Squares, answers: Floats) -> Squares:
        """Stage 2 of one photo: squares that R-Net takes for faces, moved as it says."""
        chosen = answers[:, 0] > self._settings.thresholds[1]
        boxes, answers = _edges(squares[chosen]), answers[chosen]
        kept = suppress(boxes, answers[:, 0], REFINE_OVERLAP)
        return square_up(shift_edges(boxes[kept], answers[kept, 1:]))

    def _finished(self, squares: Squares, answers: Floats) -> Detections:
        """Stage 3 of one photo: O-Net's faces with their landmarks."""
        chosen = answers[:, 0] > self._settings.thresholds[2]
        edges, answers = _edges(squares[chosen]), answers[chosen]
        boxes = shift_edges(edges, answers[:, 1:5])
        points = np.stack([answers[:, 5:10], answers[:, 10:15]], axis=2)  # shares of the square
        landmarks = edges[:, None, :2] + points * (edges[:, 2:] - edges[:, :2])[:, None] - PIXEL_CENTRE
        kept = suppress(boxes, answers[:, 0], OUTPUT_OVERLAP, over="smaller")
        kept = kept[np.lexsort((boxes[kept, 1], boxes[kept, 0], -answers[kept, 0]))]
        return Detections(boxes[kept], answers[kept, 0], landmarks[kept])


def _portions(photos: Sequence[Photo]) -> Iterator[Sequence[Photo]]:
    """Cut the photos into runs that fit `PIXELS_AT_ONCE` and `PHOTOS_AT_ONCE`; at least one photo each."""
    start, pixels = 0, 0
    for index, photo in enumerate(photos):
        size = photo.shape[0] * photo.shape[1]
        if index > start and (pixels + size > PIXELS_AT_ONCE or index - start == PHOTOS_AT_ONCE):
            yield photos[start:index]
            start, pixels = index, 0
        pixels += size
    if start < len(photos):
        yield photos[start:]


def _edges(squares: Squares) -> Floats:
    """Squares [n, 3] left, top, side as boxes [n, 4]."""
    corners = squares[:, :2]
    return np.concatenate([corners, corners + squares[:, 2:]], axis=1).astype(np.float32)
