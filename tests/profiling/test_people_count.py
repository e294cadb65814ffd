"""Counting the people of an album from its faces alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from profiling.people_count import count_people

EPS = 0.1
DIM = 24


def album(times: list[int], seed: int = 0, noise: float = 0.02) -> npt.NDArray[np.float16]:
    """Faces of ``len(times)`` people in far directions, person i `times[i]` times, shuffled."""
    random = np.random.default_rng(seed)
    faces = np.repeat(np.eye(DIM)[: len(times)], times, axis=0)
    faces = faces + random.normal(0, noise, faces.shape)
    return (faces / np.linalg.norm(faces, axis=1, keepdims=True))[random.permutation(len(faces))].astype(np.float16)


@given(st.lists(st.lists(st.integers(1, 5), max_size=8), max_size=5))
def test_planted_people_are_counted_album_by_album(albums: list[list[int]]) -> None:
    drawn = [album(times, seed) for seed, times in enumerate(albums)]
    vectors = np.concatenate([np.zeros((0, DIM), np.float16), *drawn])
    bounds = np.r_[0, np.cumsum([len(one) for one in drawn])].astype(np.int64)
    found = count_people(vectors, bounds, np.ones(len(vectors), np.int64), EPS)
    assert found.tolist() == [max(1, len(times)) for times in albums]  # an album without faces counts as one person


@given(st.integers(2, 40), st.integers(0, 1000))
def test_it_is_the_number_of_single_linkage_groups(faces: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = (np.ones(4) + random.normal(0, 0.3, (faces, 4))).astype(np.float16)
    oracle = fcluster(linkage(vectors.astype(np.float64), "single", metric="cosine"), EPS, "distance").max()
    assert count_people(vectors, np.array([0, faces]), np.ones(faces, np.int64), EPS).tolist() == [oracle]


def test_near_duplicates_bring_nobody_in() -> None:
    vectors = album([3, 2, 1])
    weight = np.ones(len(vectors), np.int64)
    alone = int(np.flatnonzero((vectors.astype(np.float32) @ vectors.astype(np.float32).T > 0.9).sum(axis=1) == 1)[0])
    bounds = np.array([0, len(vectors)])
    assert count_people(vectors, bounds, weight, EPS).tolist() == [3]
    weight[alone] = 0
    assert count_people(vectors, bounds, weight, EPS).tolist() == [2]
    assert count_people(vectors, bounds, 0 * weight, EPS).tolist() == [1]
