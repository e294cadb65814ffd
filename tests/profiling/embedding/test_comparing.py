"""Comparing networks: pairs counted one by one, the threshold at its rate, clusters judged by who is in them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.embedding.comparing import FALSE_ACCEPTS, AlbumFaces, compare_network, people_an_album

Floats = npt.NDArray[np.float32]


def _world(seed: int, albums: int, noise: float) -> tuple[Floats, AlbumFaces]:
    """Albums of five people with up to eight faces each, around one direction a person."""
    random = np.random.default_rng(seed)
    centre = random.normal(size=(albums, 5, 16))
    rows = [(a, p) for a in range(albums) for p in range(5) for _ in range(random.integers(1, 9))]
    album, person = np.array(rows, np.int64).T
    vectors = centre[album, person] + noise * random.normal(size=(len(rows), 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), AlbumFaces(album, album * 5 + person)


@given(seed=st.integers(0, 10_000), noise=st.floats(0.1, 2.0))
@settings(max_examples=15, deadline=None)
def test_true_accepts_are_those_of_pairs_counted_one_by_one(seed: int, noise: float) -> None:
    vectors, faces = _world(seed, 6, noise)
    told = compare_network(vectors, faces, eps=0.3)
    half = vectors.astype(np.float16).astype(np.float64)
    same, different = [], []
    for i, j in itertools.combinations(range(len(half)), 2):
        if faces.album[i] == faces.album[j]:
            (same if faces.person[i] == faces.person[j] else different).append(np.float32(half[i] @ half[j]))
    assert sum(c > told.threshold + 1e-6 for c in different) <= FALSE_ACCEPTS * len(different)
    assert sum(c > told.threshold - 1e-6 for c in different) >= FALSE_ACCEPTS * len(different)  # and no looser one
    assert told.true_accepts == pytest.approx(np.mean(np.array(same) > told.threshold), abs=2 / len(same))


def test_people_far_apart_are_told_apart_without_a_mistake() -> None:
    vectors, faces = _world(1, 8, noise=0.05)
    told = compare_network(vectors, faces, eps=None)
    assert (told.true_accepts, told.main_together, told.purity) == (1.0, 1.0, 1.0)
    assert not told.calibrated


def test_an_eps_that_joins_all_is_as_pure_as_the_albums_main_person() -> None:
    vectors, faces = _world(2, 8, noise=0.5)
    told = compare_network(vectors, faces, eps=1.99)
    largest = [np.bincount(faces.person[faces.album == album]).max() for album in range(8)]
    assert told.main_together == 1.0
    assert told.purity == pytest.approx(sum(largest) / len(vectors))
    assert told.calibrated


def test_an_eps_that_joins_nobody_keeps_nobody_together() -> None:
    vectors, faces = _world(3, 4, noise=0.5)
    told = compare_network(vectors, faces, eps=1e-9)
    assert told.main_together == 0.0
    assert math.isnan(told.purity)


def test_one_albums_people_say_nothing_of_anothers() -> None:
    vectors = np.eye(2, 4, dtype=np.float32)[[0, 0, 1, 1]]
    alone = AlbumFaces(np.array([1, 1, 2, 2]), np.array([7, 7, 8, 8]))
    assert math.isnan(compare_network(vectors, alone, 0.1).true_accepts)  # no pair of two people in one album
    assert people_an_album(alone) == 1.0
    together = AlbumFaces(np.array([1, 1, 1, 1]), np.array([7, 7, 8, 8]))
    assert compare_network(vectors, together, 0.1).true_accepts == 1.0
    assert people_an_album(together) == 2.0


def test_no_faces_are_no_numbers() -> None:
    nobody = AlbumFaces(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert math.isnan(compare_network(np.zeros((0, 4), np.float32), nobody, None).true_accepts)
    assert people_an_album(nobody) == 1.0
