"""The album's faces on a map: t-SNE puts faces near each other that look alike to the network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE

MIN_FACES = 4  # fewer make no map
MAX_PERPLEXITY = 15.0  # albums show at most 100 faces; scikit-learn's 30 is meant for thousands
SEED = 0
THUMBNAIL = (0.07, 0.13)  # side of a thumbnail, of the map's: with 100 faces, with few
PUSHES = 60  # rounds of pushing overlapping thumbnails apart

Floats = npt.NDArray[np.float64]


def thumbnail_side(count: int) -> float:
    """Side of a thumbnail as a share of the map's, so that `count` of them cover about a fifth of it."""
    return float(np.clip(0.45 / np.sqrt(max(count, 1)), *THUMBNAIL))


def place_faces(vectors: npt.NDArray[np.floating]) -> Floats:
    """Positions [n, 2] of faces on a map, 0 to 1 from the left and the top.

    Van der Maaten and Hinton 2008, on cosine distance, started from the principal components so that the same faces
    give the same map; overlapping thumbnails are then pushed apart a little.

    Raises
    ------
    ValueError
        When there are fewer than `MIN_FACES` faces.
    """
    count = len(vectors)
    if count < MIN_FACES:
        raise ValueError(f"{count} faces make no map")
    clean = np.nan_to_num(np.asarray(vectors, np.float64))
    unit = clean / np.maximum(np.linalg.norm(clean, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    distance = np.clip(1 - unit @ unit.T, 0, None)
    np.fill_diagonal(distance, 0)
    perplexity = min(MAX_PERPLEXITY, (count - 1) / 3)
    found = TSNE(
        metric="precomputed", init=_start(unit), perplexity=perplexity, random_state=SEED, method="exact"
    ).fit_transform(distance)
    side = thumbnail_side(count)
    return _spread(_to_unit(np.asarray(found, np.float64), side), side)


def _start(unit: Floats) -> npt.NDArray[np.float32]:
    """Two principal components, signs fixed, scaled as scikit-learn scales them, with a trace of noise."""
    left, size, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    parts = np.zeros((len(unit), 2))
    kept = min(2, left.shape[1])
    parts[:, :kept] = left[:, :kept] * size[:kept]
    largest = np.abs(parts).argmax(axis=0)
    parts *= np.where(parts[largest, [0, 1]] < 0, -1.0, 1.0)
    parts += 1e-3 * np.random.default_rng(SEED).standard_normal(parts.shape)  # equal faces must not stay on one spot
    start: npt.NDArray[np.float32] = (parts / parts[:, 0].std() * 1e-4).astype(np.float32)
    return start


def _to_unit(points: Floats, side: float) -> Floats:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = side * 0.6
    placed: Floats = margin + (points - low) / np.maximum(high - low, np.finfo(np.float64).tiny) * (1 - 2 * margin)
    return placed


def _spread(points: Floats, side: float) -> Floats:
    """Push pairs of thumbnails that cover each other apart, along the direction in which they differ most."""
    points = points.copy()
    for _ in range(PUSHES):
        gap = (points[:, None] - points[None, :]) / side
        near = np.abs(gap).max(axis=2)
        np.fill_diagonal(near, 1.0)
        overlap = np.clip(1.0 - near, 0, None)
        if not overlap.any():
            break
        length = np.maximum(np.linalg.norm(gap, axis=2), 1e-9)
        push = (gap / length[..., None] * overlap[..., None]).sum(axis=1)
        points = np.clip(points + 0.25 * push * side, side * 0.6, 1 - side * 0.6)
    return points
