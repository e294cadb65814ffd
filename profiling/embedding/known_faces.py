"""The faces of a population whose people the truth knows, seen by several networks at once: detection runs once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.alignment import cut_chips
from profiling.decoding import PhotoRefused, decode_photo
from profiling.detection import Detections, Detector
from profiling.embedding.comparing import AlbumFaces
from profiling.embedding.embedder import Embedder
from profiling.evaluation.matching import match_faces
from profiling.settings import ClusteringSettings, DecodingSettings
from profiling.uris import read_photo

PHOTOS_AT_ONCE = 32  # decoded pixels held: 100 MB at the largest

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class KnownFaces:
    """n faces of known people, sorted by album; what each network says of them, in its order, and how long it took."""

    faces: AlbumFaces
    vectors: list[Floats]
    seconds: list[float]


@dataclass
class _Seen:
    """What was seen so far."""

    album: list[Ints]
    person: list[Ints]
    vectors: list[list[Floats]]
    seconds: list[float]


def embed_known_faces(
    photos: pa.Table,
    folder: str,
    truth_faces: pa.Table,
    detector: Detector,
    embedders: Sequence[Embedder],
    tick: Callable[[int], None],
) -> KnownFaces:
    """Detect the faces of `photos` and embed, with every network, those whose person is known.

    Parameters
    ----------
    photos : photo_id, owner_id, uri; photos that cannot be read are left out.
    folder : that `uri` is relative to.
    truth_faces : table `faces` of the truth.
    tick : told how many photos are done.
    """
    photos = photos.sort_by([("owner_id", "ascending"), ("photo_id", "ascending")])
    seen = _Seen([np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [], [0.0] * len(embedders))
    seen.vectors = [[np.zeros((0, each.entry.dim), np.float32)] for each in embedders]
    for start in range(0, photos.num_rows, PHOTOS_AT_ONCE):
        part = photos.slice(start, PHOTOS_AT_ONCE)
        _see(part, folder, truth_faces, detector, embedders, seen)
        tick(start + part.num_rows)
    faces = AlbumFaces(np.concatenate(seen.album), np.concatenate(seen.person))
    return KnownFaces(faces, [np.concatenate(each) for each in seen.vectors], seen.seconds)


def _see(
    photos: pa.Table,
    folder: str,
    truth_faces: pa.Table,
    detector: Detector,
    embedders: Sequence[Embedder],
    seen: _Seen,
) -> None:
    read = list(_decode(photos, folder))
    detections = detector.detect([pixels for _, _, pixels in read])
    kept = []
    for (photo_id, owner_id, pixels), found in zip(read, detections, strict=True):
        person, known = _people(photo_id, pixels, found, truth_faces)
        if known.any():
            seen.album.append(np.full(int(known.sum()), owner_id, np.int64))
            seen.person.append(person[known])
            kept.append((pixels, found.landmarks[known]))
    for place, embedder in enumerate(embedders):
        chips = [cut_chips(pixels, landmarks, embedder.entry.chip) for pixels, landmarks in kept]
        if chips:
            began = time.perf_counter()
            seen.vectors[place].append(embedder.embed(np.concatenate(chips)).vectors)
            seen.seconds[place] += time.perf_counter() - began


def _decode(photos: pa.Table, folder: str) -> Iterator[tuple[int, int, Pixels]]:
    settings = DecodingSettings()
    for row in photos.select(["photo_id", "owner_id", "uri"]).to_pylist():
        try:
            pixels = decode_photo(read_photo(row["uri"], folder, settings), settings).pixels
        except PhotoRefused:
            continue
        yield row["photo_id"], row["owner_id"], pixels


def _people(
    photo_id: int, pixels: Pixels, found: Detections, truth_faces: pa.Table
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Whose face each detection is, and whether that is known of a face that a build would use."""
    scale = np.array([pixels.shape[1], pixels.shape[0]], np.float64)
    corner, side = found.boxes[:, :2] / scale, (found.boxes[:, 2:] - found.boxes[:, :2]) / scale
    box = np.concatenate([corner, side], axis=1)
    ids = np.full(len(found), photo_id, np.int64)
    table = pa.table({"photo_id": ids, "face": np.arange(len(found))} | {n: box[:, k] for k, n in enumerate("xywh")})
    persons = match_faces(table, pa.table({"photo_id": np.array([photo_id])}), truth_faces)["person_id"]
    known = persons.is_valid().to_numpy(zero_copy_only=False) & (found.scores >= ClusteringSettings().min_score)
    return persons.fill_null(-1).to_numpy().astype(np.int64), known
