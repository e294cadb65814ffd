"""Who is on a new photo: its faces against the profiles of the uploader and the uploader's friends.

`Recognizer` is made once a process by whoever serves uploads; it holds the networks and reads profiles from a store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from profiling.alignment import cut_chips
from profiling.decoding import DecodedPhoto, decode_photo
from profiling.detection import Detector
from profiling.embedding import get_model
from profiling.embedding.embedder import Embedder
from profiling.errors import ModelError
from profiling.evaluation.candidates import Candidates
from profiling.evaluation.uploads import FALSE_POSITIVES
from profiling.recognition_thresholds import Thresholds
from profiling.settings import Settings
from profiling.store import ProfileStore

Circle = Callable[[int], Sequence[int]]  # a user's id -> ids of the user and the friends; nobody when it is unknown


@dataclass(frozen=True)
class RecognizedFace:
    """One face of a photo.

    Parameters
    ----------
    box : x, y, w, h relative to the upright photo; may reach outside. score : of the detector, 0 to 1.
    user_id : who it is; None = nobody of the circle is near enough.
    similarity : cosine to the nearest candidate, named or not; None without candidates.
    """

    box: tuple[float, float, float, float]
    score: float
    user_id: int | None
    similarity: float | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"box": list(self.box), "score": self.score, "user_id": self.user_id, "similarity": self.similarity}


class Recognizer:
    """Names the faces of uploads.

    Parameters
    ----------
    store : where profiles are read; each photo is answered from one generation, the active one.
    circle : the uploader and friends of an uploader, each once.
    settings : of the run that made the generation: network, detector, decoding.
    thresholds : of `kith evaluate`, for the same network. false_positives : one of `recognition_thresholds.RATES`.
    device : "cpu" or "cuda".

    Raises
    ------
    ModelError
        Weights are missing, or the thresholds are of another network.

    Notes
    -----
    Not for several threads at once. `recognize` decodes bytes in this process: photos of strangers are better decoded
    where a decoder may die (`ray_tasks.decoders.DecoderPool`) and handed over decoded.
    """

    def __init__(
        self,
        store: ProfileStore,
        circle: Circle,
        settings: Settings,
        thresholds: Thresholds,
        false_positives: float = FALSE_POSITIVES,
        device: str = "cpu",
    ) -> None:
        self._store, self._circle, self._settings = store, circle, settings
        entry = get_model(settings.embedding.model)
        if thresholds.model != entry.vectors_id:
            raise ModelError(
                f"model {entry.id}: the thresholds are of another network; run kith evaluate on a lake of this one"
            )
        self._limit = np.float32(thresholds.at(false_positives))
        self._model, self._chip = entry.vectors_id, entry.chip
        precision = settings.embedding.precision
        self._detector = Detector.load(settings.detection, device, precision)
        self._embedder = Embedder.load(entry.id, device, precision)

    @property
    def threshold(self) -> float:
        """The cosine from which a face is named."""
        return float(1 - self._limit)

    def candidates(self, uploader: int) -> Candidates:
        """Profiles that faces of this user's uploads are compared with, user ids as `rows`.

        Raises
        ------
        ModelError
            The active generation is of another network.
        """
        snapshot = self._store.snapshot(self._model)
        found = snapshot.get_many(list(self._circle(uploader)))
        ids = [each.user_id for each in found for _ in each.vectors]
        vectors = np.concatenate(
            [np.zeros((0, snapshot.generation.dim), np.float16), *(each.vectors for each in found)]
        )
        return Candidates(np.array(ids, np.int64), vectors.astype(np.float32))

    def recognize(self, photo: bytes | DecodedPhoto, uploader: int) -> list[RecognizedFace]:
        """The faces of a photo, by falling score of the detector.

        Raises
        ------
        PhotoRefused
            The bytes are no photo that can be decoded.
        """
        decoded = photo if isinstance(photo, DecodedPhoto) else decode_photo(photo, self._settings.decoding)
        found = self._detector.detect([decoded.pixels])[0]
        chips = cut_chips(decoded.pixels, found.landmarks, self._chip)
        vectors = self._embedder.embed(chips).vectors.astype(np.float16).astype(np.float32)  # as the lake keeps them
        candidates = self.candidates(uploader)
        height, width = decoded.pixels.shape[:2]
        corners = found.boxes / np.array([width, height, width, height], np.float32)
        named = []
        for corner, score, vector in zip(corners, found.scores, vectors, strict=True):
            (nearest,), (distance,) = candidates.nearest(vector[None])
            box = (*corner[:2].tolist(), *(corner[2:] - corner[:2]).tolist())
            user = int(nearest) if distance < self._limit else None
            named.append(RecognizedFace(box, float(score), user, float(1 - distance) if nearest >= 0 else None))
        return named
