"""Non-face centroids, the distance to them, and the cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from profiling.nonfaces import CENTROIDS, choose_cut, fit_centroids, nonface_distance

Floats = npt.NDArray[np.float32]


def unit(random: np.random.Generator, count: int, dim: int = 24) -> Floats:
    """`count` random directions."""
    vectors = random.normal(size=(count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 50), st.integers(1, 20), st.integers(0, 1000))
def test_the_distance_is_to_the_nearest_centroid(rows: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors, centroids = unit(random, rows), unit(random, count) * np.float32(0.8)
    assert np.allclose(nonface_distance(vectors, centroids), cdist(vectors, centroids).min(axis=1), atol=1e-6)


@given(st.lists(st.integers(0, 29), min_size=1, max_size=60))
def test_a_distance_keeps_its_bits_in_any_company(chosen: list[int]) -> None:
    random = np.random.default_rng(1)
    vectors, centroids = unit(random, 30, 128), unit(random, CENTROIDS, 128)
    whole, part = nonface_distance(vectors, centroids), nonface_distance(vectors[chosen], centroids)
    assert np.array_equal(part.view(np.uint32), whole[chosen].view(np.uint32))


def test_centroids_find_the_places_that_were_planted() -> None:
    random = np.random.default_rng(2)
    places = unit(random, CENTROIDS)
    vectors = np.repeat(places, 30, axis=0) + random.normal(0, 0.01, (CENTROIDS * 30, 24)).astype(np.float32)
    centroids = fit_centroids(vectors)
    assert centroids.shape == places.shape
    assert cdist(places, centroids).min(axis=1).max() < 0.02


def test_equal_vectors_give_equal_centroids_in_one_order() -> None:
    vectors = unit(np.random.default_rng(3), 200)
    first, again = fit_centroids(vectors), fit_centroids(vectors.copy())
    assert first.tobytes() == again.tobytes()
    assert np.array_equal(first[:, 0], np.sort(first[:, 0]))


@pytest.mark.parametrize("lost", [0.0, 0.005, 0.1])
def test_the_cut_costs_no_collection_more_than_allowed(lost: float) -> None:
    random = np.random.default_rng(4)
    faces = [random.uniform(0.3, 0.6, 1000).astype(np.float32), random.uniform(0.4, 0.5, 333).astype(np.float32)]
    cut = choose_cut(faces, lost)
    shares = [float((distances < cut).mean()) for distances in faces]
    assert max(shares) <= lost
    assert max(float((distances <= cut).mean()) for distances in faces) >= lost  # and is as large as that lets it be
