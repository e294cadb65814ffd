"""DBSCAN of many albums against scikit-learn's, an album at a time, with identical labels.

    python benchmarks/bench_clustering.py [--repeats 7] [--tiny]

Before anything is timed, the labels of 10,000 random albums (sizes of 0 to 120 faces, tight and loose, border points
among them) are compared with scikit-learn's. Then albums of 10, 65, 250 and 1,000 faces of 128 numbers in float16, as
the lake holds them: a few people each with many faces, and strangers. One thread on both sides (OMP_NUM_THREADS=1).
"""

from __future__ import annotations

import os
from itertools import pairwise

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from harness import Case, Side, options, run
from sklearn.cluster import DBSCAN

from profiling.clustering import dbscan_albums

DIM, EPS, MIN_SAMPLES = 128, 0.07, 2  # dlib's numbers: cosine distance within one person's photos
WANTED = {65: 20.0, 250: 8.0}
FACES = 65_000  # of all albums of a case


def draw_albums(sizes: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float16]:
    """Faces of albums: half of the owner, a quarter of two friends, a quarter strangers, as far apart as dlib's are."""
    rng = np.random.default_rng(seed)
    total = int(sizes.sum())
    album = np.repeat(np.arange(len(sizes)), sizes)
    who = rng.choice(4, total, p=(0.5, 0.15, 0.1, 0.25))
    mean = rng.normal(size=DIM)  # all faces share a direction: two strangers are 0.2 apart, not 1
    people = rng.normal(size=(len(sizes) * 3, DIM))
    person = np.where(who[:, None] == 3, rng.normal(size=(total, DIM)), people[album * 3 + np.minimum(who, 2)])
    noise = rng.normal(size=(total, DIM)) * rng.uniform(0.25, 0.55, (total, 1))
    vectors = 2.0 * mean + person + noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def one_by_one(vectors: npt.NDArray[np.float64], bounds: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """What people write: scikit-learn, an album at a time."""
    labels = [np.zeros(0, np.int64)]
    for first, last in pairwise(bounds.tolist()):
        if last > first:
            labels.append(DBSCAN(eps=EPS, min_samples=MIN_SAMPLES, metric="cosine").fit_predict(vectors[first:last]))
    return np.concatenate(labels).astype(np.int32)


def same_labels(ours: npt.NDArray[np.int32], theirs: npt.NDArray[np.int32]) -> None:
    """Raise unless every face has the same label."""
    assert np.array_equal(ours, theirs), f"{(ours != theirs).sum()} of {len(ours)} labels differ"


def case(size: int, albums: int, seed: int) -> Case:
    """Albums of one size."""
    sizes = np.full(albums, size)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    vectors, eps = draw_albums(sizes, seed), np.full(albums, EPS)
    wide = vectors.astype(np.float64)  # exact: neither side rounds another way
    return Case(
        f"{albums:,} albums of {size} faces",
        albums,
        "users",
        [
            Side("kith", lambda: dbscan_albums(vectors, bounds, eps, MIN_SAMPLES)),
            Side("scikit-learn", lambda: one_by_one(wide, bounds)),
        ],
        same_labels,
        {"scikit-learn": WANTED[size]} if size in WANTED else {},
    )


def check_random_albums(albums: int) -> int:
    """Compare albums of all sizes; the number of border faces that were among them."""
    sizes = np.random.default_rng(1).integers(0, 121, albums)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    vectors = draw_albums(sizes, 2)
    labels = dbscan_albums(vectors, bounds, np.full(albums, EPS), 4)
    found, border = [], 0
    for first, last in pairwise(bounds.tolist()):
        if last > first:
            fitted = DBSCAN(eps=EPS, min_samples=4, metric="cosine").fit(vectors[first:last].astype(np.float64))
            found.append(fitted.labels_)
            border += int((fitted.labels_ >= 0).sum() - len(fitted.core_sample_indices_))
    same_labels(labels, np.concatenate(found).astype(np.int32))
    return border


def main() -> None:
    """Check, measure, print, keep."""
    given = options(__doc__ or "").parse_args()
    albums = 200 if given.tiny else 10_000
    border = check_random_albums(albums)
    print(f"{albums:,} random albums: labels identical, {border:,} border faces among them")  # noqa: T201
    faces = FACES // 50 if given.tiny else FACES
    cases = [case(size, max(2, faces // size), size) for size in (10, 65, 250, 1000)]
    run("clustering", "Clustering: DBSCAN of albums, one thread", cases, given)


if __name__ == "__main__":
    main()
