"""Photos in, faces out: decode, detect, align, embed, window by window, so that pixels live only for a moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.alignment import cut_chips, sharpness
from profiling.chips import ChipSpec
from profiling.decoding import DecodedPhoto, PhotoRefused
from profiling.detection import Detector
from profiling.embedding import load_calibration
from profiling.embedding.embedder import Embedder
from profiling.faces import FaceTables, FaceVectors, join_vectors
from profiling.settings import Precision
from ray_tasks.decoders import DecoderPool
from ray_tasks.parts import PhotoList

WINDOW = 16  # photos detected in one call: 16 decoded photos of 1024 px are 50 MB
CHIPS_A_CALL = 64  # chips sent to an embedder at once: whole batches of 16, so that padding is rare
CALLS_IN_FLIGHT = 2  # calls to an embedder: one runs, one waits; a slow embedder holds its detectors back

Chips = npt.NDArray[np.uint8]


class Embedding(Protocol):
    """Where chips become vectors: in this process or in an actor elsewhere."""

    def submit(self, chips: Chips) -> Any:
        """Begin to embed chips; gives a ticket."""

    def collect(self, ticket: Any) -> FaceVectors:
        """Wait for a ticket's vectors."""


class LocalEmbedding:
    """Embeds in this process."""

    def __init__(self, model: str, device: str, precision: Precision) -> None:
        self._embedder = Embedder.load(model, device, precision)
        self._calibration = load_calibration(model)

    def submit(self, chips: Chips) -> FaceVectors:
        """Embed at once; the ticket is the result."""
        return FaceVectors.of(self._embedder.embed(chips), self._calibration)

    def collect(self, ticket: FaceVectors) -> FaceVectors:
        """The ticket."""
        return ticket


class _ChipQueue:
    """Sends chips in whole batches and takes the vectors back in order, a bounded number of calls at a time."""

    def __init__(self, embedding: Embedding) -> None:
        self._embedding = embedding
        self._waiting: list[Chips] = []
        self._count = 0
        self._tickets: deque[Any] = deque()
        self._done: list[FaceVectors] = []

    def add(self, chips: Chips) -> None:
        if len(chips):
            self._waiting.append(chips)
            self._count += len(chips)
        while self._count >= CHIPS_A_CALL:
            self._send(CHIPS_A_CALL)

    def finish(self, dim: int) -> FaceVectors:
        if self._count:
            self._send(self._count)
        while self._tickets:
            self._done.append(self._embedding.collect(self._tickets.popleft()))
        return join_vectors(self._done, dim)

    def _send(self, count: int) -> None:
        chips = np.concatenate(self._waiting)
        self._waiting, self._count = [chips[count:]], len(chips) - count
        self._tickets.append(self._embedding.submit(chips[:count]))
        while len(self._tickets) > CALLS_IN_FLIGHT:
            self._done.append(self._embedding.collect(self._tickets.popleft()))


class PhotoPipeline:
    """Looks at lists of photos with one detector, its decoders, and an embedding that may be elsewhere."""

    def __init__(
        self, decoders: DecoderPool, detector: Detector, embedding: Embedding, chip: ChipSpec, dim: int
    ) -> None:
        self._decoders, self._detector, self._embedding = decoders, detector, embedding
        self._chip, self._dim = chip, dim

    def look(self, photos: PhotoList, seen: Callable[[int], None] | None = None) -> tuple[pa.Table, pa.Table]:
        """Tables `faces` and `seen` of these photos; `seen` hears how many photos are behind us."""
        tables, queue = FaceTables(), _ChipQueue(self._embedding)
        for window in _windows(self._decoders.decode(photos.uris), WINDOW):
            whole = [photo for _, photo in window if isinstance(photo, DecodedPhoto)]
            found = iter(self._detector.detect([photo.pixels for photo in whole]))
            for index, photo in window:
                photo_id, version = int(photos.photo_ids[index]), int(photos.versions[index])
                if isinstance(photo, PhotoRefused):
                    tables.refuse(photo_id, version, photo)
                    continue
                faces = next(found)
                chips = cut_chips(photo.pixels, faces.landmarks, self._chip)
                tables.see(photo_id, version, photo, faces, sharpness(chips))
                queue.add(chips)
            if seen is not None:
                seen(tables.photos)
        return tables.faces(queue.finish(self._dim)), tables.seen()


def _windows(
    photos: Iterator[tuple[int, DecodedPhoto | PhotoRefused]], size: int
) -> Iterator[list[tuple[int, DecodedPhoto | PhotoRefused]]]:
    window = []
    for item in photos:
        window.append(item)
        if len(window) == size:
            yield window
            window = []
    if window:
        yield window
