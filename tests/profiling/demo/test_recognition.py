"""Real networks on drawn people: found by the detector, told apart by the embedding, clustered by the demo's settings.

Nothing here says how well anything works on photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from sklearn.cluster import DBSCAN
from sklearn.metrics import roc_auc_score

from profiling.alignment import cut_chips
from profiling.decoding import decode_photo
from profiling.demo import DEMO_SETTINGS
from profiling.demo.cast import CAST
from profiling.demo.genes import draw_identity
from profiling.demo.photos import draw_photo
from profiling.detection import Detections, Detector
from profiling.embedding.calibration import load_calibration
from profiling.embedding.embedder import Embedder
from profiling.settings import Settings

MODEL = "dlib"  # the model that the demo's settings are for
SETTINGS = Settings.model_validate(DEMO_SETTINGS)
SHOTS = 3  # portraits of each of the cast
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Seen:
    """Faces of known people as the networks see them."""

    people: npt.NDArray[np.int64]  # 0 = a find where nobody is
    albums: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    vectors: npt.NDArray[np.float32]
    missed: int


@pytest.fixture(scope="module")
def networks() -> tuple[Detector, Embedder]:
    return Detector.load(SETTINGS.detection), Embedder.load(MODEL)


@pytest.fixture(scope="module")
def album_faces(drawn: Path, networks: tuple[Detector, Embedder]) -> Seen:
    """All faces of a small demo population."""
    truth = pq.read_table(drawn / "truth" / "faces.parquet").to_pylist()
    looks = []
    for photo in pq.read_table(drawn / "photos.parquet").to_pylist():
        decoded = decode_photo((drawn / photo["uri"]).read_bytes(), SETTINGS.decoding)
        faces = [face for face in truth if face["photo_id"] == photo["photo_id"]]
        looks.append((photo["owner_id"], decoded.pixels, faces))
    return _look(networks, looks)


@pytest.fixture(scope="module")
def portraits(networks: tuple[Detector, Embedder]) -> Seen:
    """A few shots of everyone of the cast."""
    looks: list[tuple[int, npt.NDArray[np.uint8], list[dict[str, Any]]]] = []
    for seed in CAST:
        for shot in range(SHOTS):
            photo = draw_photo([draw_identity(seed)], np.random.default_rng([seed, shot]), heads=(90, 200))
            decoded = decode_photo(photo.encode(), SETTINGS.decoding)
            faces = [{"person_id": seed, **dict(zip("xywh", photo.boxes()[0], strict=True))}]
            looks.append((0, decoded.pixels, faces))
    return _look(networks, looks)


def test_the_detector_finds_drawn_faces_surely(album_faces: Seen, portraits: Seen) -> None:
    for seen in (album_faces, portraits):
        found = seen.people != 0
        assert found.sum() >= 0.95 * (found.sum() + seen.missed)
        assert np.mean(seen.scores[found] >= SETTINGS.clustering.min_score) >= 0.95


def test_people_of_the_cast_are_told_apart(portraits: Seen) -> None:
    people, vectors = portraits.people[portraits.people != 0], portraits.vectors[portraits.people != 0]
    pairs = np.triu_indices(len(people), 1)
    assert roc_auc_score((people[:, None] == people)[pairs], (vectors @ vectors.T)[pairs]) > 0.99


def test_albums_fall_into_clusters_of_one_person_each(album_faces: Seen) -> None:
    seen, eps = album_faces, SETTINGS.clustering.eps
    assert eps is not None
    kept, right, whole, owners = seen.scores >= SETTINGS.clustering.min_score, [], [], set(seen.albums)
    for owner in sorted(owners):
        mine = kept & (seen.albums == owner)
        labels = DBSCAN(eps=eps, min_samples=2, metric="cosine").fit_predict(seen.vectors[mine])
        for label in set(labels) - {-1}:
            _, counts = np.unique(seen.people[mine][labels == label], return_counts=True)
            right.append((counts.max(), counts.sum()))
        own = labels[seen.people[mine] == owner]
        if len(own) > 1:
            whole.append(np.bincount(own[own >= 0], minlength=1).max() / len(own))
    hits, sizes = np.array(right).T
    assert hits.sum() / sizes.sum() >= 0.98
    assert np.mean(whole) >= 0.9


def test_the_demos_cut_keeps_faces_and_drops_what_is_none(album_faces: Seen, portraits: Seen) -> None:
    calibration, cut = load_calibration(MODEL), SETTINGS.clustering.nonface_cut
    assert cut is not None
    for seen in (album_faces, portraits):
        distance, face = calibration.nonface_distance(seen.vectors), seen.people != 0
        assert distance[face].min() > cut
        assert np.all(distance[~face] < cut)


def _look(
    networks: tuple[Detector, Embedder], looks: list[tuple[int, npt.NDArray[np.uint8], list[dict[str, Any]]]]
) -> Seen:
    detector, embedder = networks
    people, albums, chips, scores, missed = [], [], [], [], 0
    for album, pixels, faces in looks:
        (found,) = detector.detect([pixels])
        names = _name(found, faces, pixels.shape[1], pixels.shape[0])
        people += names
        albums += [album] * len(names)
        scores += found.scores.tolist()
        missed += len(faces) - sum(name != 0 for name in names)
        chips.append(cut_chips(pixels, found.landmarks, embedder.entry.chip))
    vectors = embedder.embed(np.concatenate(chips)).vectors
    return Seen(np.array(people), np.array(albums), np.array(scores, np.float32), vectors, missed)


def _name(found: Detections, faces: list[dict[str, Any]], width: int, height: int) -> list[int]:
    """Person of each find: whose box holds its middle, each box once, surest find first; 0 = nobody's."""
    left, names = list(faces), []
    for x0, y0, x1, y1 in found.boxes / [width, height, width, height]:
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        holds = [f for f in left if f["x"] < x < f["x"] + f["w"] and f["y"] < y < f["y"] + f["h"]]
        names.append(int(holds[0]["person_id"]) if holds else 0)
        left = [face for face in left if not holds or face is not holds[0]]
    return names
