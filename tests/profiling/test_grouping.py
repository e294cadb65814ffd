"""Grouping: the closed forms against loops over pairs, cuts of chains and twins, and merges."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from profiling.grouping import AlbumFaces, Grouping, centroids, group_faces, twin_share, width


def arc(degrees: list[float]) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.c_[np.cos(angles), np.sin(angles)].astype(np.float16)


def one_album(vectors: np.ndarray, eps: float, photo: list[int] | None = None) -> AlbumFaces:
    n = len(vectors)
    photos = np.arange(n) if photo is None else np.array(photo)
    return AlbumFaces(vectors, np.array([0, n]), photos, np.ones(n, np.int64), np.array([eps], np.float32))


def degrees(angle: float) -> float:
    return float(1 - np.cos(np.deg2rad(angle)))


def test_width_is_the_mean_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    codes, weight = rng.integers(-1, 4, size=30), rng.integers(0, 2, size=30)
    wide = vectors.astype(np.float64)
    for code, found in enumerate(width(vectors, codes, weight)):
        rows = np.flatnonzero((codes == code) & (weight > 0))
        pairs = [wide[i] @ wide[j] for i, j in combinations(rows, 2)]
        assert found == pytest.approx(1 - np.mean(pairs), abs=1e-9)


def test_twin_share_counts_photos_that_show_a_person_twice() -> None:
    codes = np.array([0, 0, 0, 0, 1, 1, -1])
    photo = np.array([7, 7, 8, 9, 7, 8, 9])
    np.testing.assert_allclose(twin_share(photo, codes, np.ones(7, np.int64)), [1 / 3, 0])
    weight = np.array([1, 0, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(twin_share(photo, codes, weight), [0, 0])


def test_centroids_leave_near_duplicates_out() -> None:
    middle = centroids(arc([0, 10, 80]), np.array([0, 0, 0]), np.array([1, 1, 0]))
    np.testing.assert_allclose(middle, arc([5]), atol=1e-3)


def test_two_people_linked_by_one_face_are_cut_apart() -> None:
    left, right = [0, 1, 2, 3, 4], [26, 27, 28, 29, 30]
    faces = one_album(arc([*left, 15, *right]), degrees(11))
    labels = group_faces(faces, 2, Grouping(steps=(1.1, 0.8), widest=0.9))
    assert len(set(labels[:5])) == len(set(labels[6:])) == 1
    assert labels[0] != labels[6]
    loose = group_faces(faces, 2, Grouping(steps=(1.1,)))
    assert loose[0] == loose[6]


def test_two_faces_of_one_photo_are_cut_apart_but_one_collage_is_not() -> None:
    vectors = arc([0, 1, 2, 3, 9, 10, 11, 12])
    together = group_faces(one_album(vectors, degrees(8)), 2)
    assert len(set(together)) == 1
    pairs = group_faces(one_album(vectors, degrees(8), [0, 1, 2, 3, 0, 1, 2, 3]), 2, Grouping(steps=(1.0, 0.4)))
    assert len(set(pairs[:4])) == len(set(pairs[4:])) == 1
    assert pairs[0] != pairs[4]
    collage = group_faces(one_album(vectors, degrees(8), [0, 1, 2, 3, 4, 5, 6, 0]), 2, Grouping(steps=(1.0, 0.4)))
    assert len(set(collage)) == 1


def test_clusters_with_close_centroids_become_one() -> None:
    rng = np.random.default_rng(4)
    centre = np.eye(1, 64)[0]
    cloud = centre + 0.16 * rng.normal(size=(40, 64))
    cloud = (cloud / np.linalg.norm(cloud, axis=1, keepdims=True)).astype(np.float16)
    eps = float(np.quantile(width(np.stack([cloud[0], cloud[1]]), np.zeros(2, int), np.ones(2, int)), 0.5)) * 0.68
    apart = group_faces(one_album(cloud, eps), 2, Grouping(steps=(1.0,), merge=1e-6, widest=9))
    joined = group_faces(one_album(cloud, eps), 2, Grouping(steps=(1.0,), merge=0.9, widest=9))
    assert joined.max() < apart.max()
    assert ((joined >= 0) == (apart >= 0)).all()


def test_only_an_album_that_shows_nobody_twice_is_looked_at_more_loosely() -> None:
    """Neighbours 1.2 eps apart: one person where the album has nobody else, no pair of people beside a cluster."""
    lonely, crowded = [0, 11, 60, 90], [0, 11, 60, 61]
    bounds, eps = np.array([0, 4, 8]), np.full(2, degrees(10), np.float32)
    faces = AlbumFaces(arc([*lonely, *crowded]), bounds, np.arange(8), np.ones(8, np.int64), eps)
    labels = group_faces(faces, 2)
    assert (labels >= 0).tolist() == [True, True, False, False, False, False, True, True]
    assert labels[0] == labels[1]
    assert group_faces(faces, 2, Grouping(alone=1.0))[:4].tolist() == [-1, -1, -1, -1]


def test_faces_of_near_duplicates_alone_make_no_cluster() -> None:
    faces = AlbumFaces(
        arc([0, 1, 50]), np.array([0, 3]), np.arange(3), np.array([1, 0, 1]), np.array([0.1], np.float32)
    )
    assert group_faces(faces, 2).tolist() == [-1, -1, -1]


def test_no_faces_at_all() -> None:
    empty = AlbumFaces(
        np.zeros((0, 4), np.float16),
        np.zeros(3, np.int64),
        np.zeros(0, np.int64),
        np.zeros(0, np.int64),
        np.full(2, 0.1, np.float32),
    )
    assert len(group_faces(empty, 2)) == 0
