"""From what was seen on photos to the tables `seen` and `faces`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.tables import SEEN, faces_schema
from profiling.vectors import pack_vectors

if TYPE_CHECKING:
    from profiling.decoding import DecodedPhoto, PhotoRefused
    from profiling.detection import Detections
    from profiling.embedding import Calibration
    from profiling.embedding.embedder import Embedded

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FaceVectors:
    """What the embedding network says of n chips.

    `vectors` float16 [n, dim], unit length; `norms` of the raw embeddings; `nonface_distance` L2 (0 to 2); `age` in
    years; `female` a probability; all float32 [n].
    """

    vectors: npt.NDArray[np.float16]
    norms: Floats
    nonface_distance: Floats
    age: Floats
    female: Floats

    @classmethod
    def of(cls, embedded: Embedded, calibration: Calibration) -> FaceVectors:
        """Read an embedding with the calibration of its model."""
        return cls(
            embedded.vectors.astype(np.float16),
            embedded.norms,
            calibration.nonface_distance(embedded.vectors),
            calibration.age(embedded.features),
            calibration.female(embedded.features),
        )


def join_vectors(parts: list[FaceVectors], dim: int) -> FaceVectors:
    """Consecutive pieces as one; without a piece, no face."""
    if not parts:
        none = np.zeros(0, np.float32)
        return FaceVectors(np.zeros((0, dim), np.float16), none, none, none, none)
    names = ("vectors", "norms", "nonface_distance", "age", "female")
    return FaceVectors(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class FaceTables:
    """Collects photos in photo order and, once their chips are embedded, gives the two tables."""

    def __init__(self) -> None:
        self._seen: list[dict[str, Any]] = []
        self._faces: list[dict[str, npt.NDArray[Any]]] = []

    def refuse(self, photo_id: int, version: int, refused: PhotoRefused) -> None:
        """Note a photo that could not be read, with its reason."""
        self._seen.append(
            {"photo_id": photo_id, "version": version, "reason": refused.reason, "detail": refused.detail, "faces": 0}
        )

    def see(self, photo_id: int, version: int, photo: DecodedPhoto, found: Detections, sharpness: Floats) -> None:
        """Note a photo that was looked at, and its n detections; `sharpness` is that of their chips [n]."""
        count = len(found.scores)
        self._seen.append(
            {
                "photo_id": photo_id,
                "version": version,
                "reason": "ok" if count else "no_face",
                "width": photo.width,
                "height": photo.height,
                "faces": count,
                "content_hash": photo.content_hash,
                "perceptual_hash": photo.perceptual_hash,
            }
        )
        if not count:
            return
        height, width = photo.pixels.shape[:2]
        scale = np.array([width, height], np.float32)
        corner, side = found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]
        self._faces.append(
            {
                "photo_id": np.full(count, photo_id, np.int64),
                "face": np.arange(count, dtype=np.int16),
                "box": np.concatenate([corner / scale, side / scale], 1).astype(np.float32),
                "score": found.scores.astype(np.float32),
                "landmarks": (found.landmarks / scale).reshape(count, 10).astype(np.float32),
                "size": side.max(1).astype(np.float32),
                "sharpness": sharpness.astype(np.float32),
            }
        )

    @property
    def photos(self) -> int:
        """Photos noted so far."""
        return len(self._seen)

    def seen(self) -> pa.Table:
        """Table `seen`."""
        return pa.Table.from_pylist(self._seen, schema=SEEN)

    def faces(self, vectors: FaceVectors) -> pa.Table:
        """Table `faces`; `vectors` holds one row a detection, in the order in which they were noted."""
        dim = vectors.vectors.shape[1]
        schema = faces_schema(dim)
        if not self._faces:
            return schema.empty_table()
        column = {name: np.concatenate([face[name] for face in self._faces]) for name in self._faces[0]}
        box = column.pop("box")
        column |= {name: np.ascontiguousarray(box[:, k]) for k, name in enumerate("xywh")}
        landmarks = pa.FixedSizeListArray.from_arrays(pa.array(column.pop("landmarks").reshape(-1)), 10)
        arrays: dict[str, Any] = {
            **column,
            "landmarks": landmarks.cast(schema.field("landmarks").type),
            "embedding": pack_vectors(vectors.vectors),
            "norm": vectors.norms,
            "nonface_distance": vectors.nonface_distance,
            "age": vectors.age,
            "female": vectors.female,
        }
        return pa.table([pa.array(arrays[name]) for name in schema.names], schema=schema)
