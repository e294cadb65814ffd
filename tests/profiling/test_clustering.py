"""DBSCAN over many albums against scikit-learn, run on each album alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from profiling import clustering, large_albums
from profiling.clustering import dbscan_albums
from profiling.exact import lengths, widen
from profiling.neighbourhoods import float32_error, padded_sizes

EPS = (0.02, 0.06, 0.2, 0.6)
SAFE = 1e-9  # cosine distance; closer to eps than this two ways of adding may disagree


def faces(rng: np.random.Generator, n: int, dim: int, people: int, noise: float) -> npt.NDArray[np.float16]:
    """`n` unit vectors around `people` directions, shuffled."""
    centres = rng.normal(size=(people, dim))
    points = centres[rng.integers(people, size=n)] + noise * rng.normal(size=(n, dim))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16)


def reference(
    vectors: npt.NDArray[np.float16], offsets: list[int], eps: list[float], min_samples: int, weights: list[int]
) -> npt.NDArray[np.int64]:
    labels = np.full(len(vectors), -1)
    for a, (top, bottom) in enumerate(pairwise(offsets)):
        if any(weights[top:bottom]):  # scikit-learn refuses an album without weight; there nobody is a core
            model = DBSCAN(eps=eps[a], min_samples=min_samples, metric="cosine")
            labels[top:bottom] = model.fit(vectors[top:bottom].astype(float), sample_weight=weights[top:bottom]).labels_
    return labels


def away_from_eps(vectors: npt.NDArray[np.float16], eps: float) -> bool:
    wide, length = vectors.astype(float), lengths(vectors)
    return bool((np.abs(1 - (wide @ wide.T) / np.outer(length, length) - eps) > SAFE).all())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_labels_equal_scikit_learns_album_by_album(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    sizes = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=6))
    offsets = [0, *np.cumsum(sizes).tolist()]
    eps = [data.draw(st.sampled_from(EPS)) for _ in sizes]
    min_samples = data.draw(st.integers(1, 5))
    noise = data.draw(st.sampled_from((0.05, 0.2, 0.5, 1.0)))
    vectors = faces(rng, offsets[-1], data.draw(st.sampled_from((2, 3, 16))), data.draw(st.integers(1, 5)), noise)
    weights = rng.integers(0, 3, size=offsets[-1]).tolist() if data.draw(st.booleans()) else [1] * offsets[-1]
    if not all(away_from_eps(vectors, e) for e in set(eps)):
        return
    found = dbscan_albums(vectors, np.array(offsets), np.array(eps), min_samples, np.array(weights, int))
    np.testing.assert_array_equal(found, reference(vectors, offsets, eps, min_samples, weights))


@pytest.mark.parametrize("min_samples", [1, 2, 5])
@pytest.mark.parametrize("heaviest", [1, 2, 4])
def test_large_albums_of_any_weights_equal_scikit_learns(heaviest: int, min_samples: int) -> None:
    rng = np.random.default_rng(heaviest)
    sizes = [31, 32, 33, 0, 64, 65, 250, 257, 600, 250, 250]
    offsets = [0, *np.cumsum(sizes).tolist()]
    vectors = faces(rng, offsets[-1], 16, 9, 0.35)
    weights = [1] * offsets[-1] if heaviest == 1 else rng.integers(0, heaviest, offsets[-1]).tolist()
    eps = rng.uniform(0.05, 0.12, len(sizes)).tolist()
    found = dbscan_albums(vectors, np.array(offsets), np.array(eps), min_samples, np.array(weights))
    wanted = reference(vectors, offsets, eps, min_samples, weights)
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(wanted)) > 3


def test_a_border_face_goes_to_the_first_cluster_that_reaches_it() -> None:
    angles = np.deg2rad([60, 62, 64, 80, 96, 98, 100, 58])  # 80 degrees is within 16 of both groups, a core of none
    vectors = np.c_[np.cos(angles), np.sin(angles)]
    eps = float(1 - np.cos(np.deg2rad(16.5)))
    found = dbscan_albums(vectors, np.array([0, 8]), np.array([eps]), 4)
    assert found.tolist() == reference(vectors, [0, 8], [eps], 4, [1] * 8).tolist()
    assert found[3] == 0


def test_blocks_of_a_huge_album_give_the_labels_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = faces(np.random.default_rng(5), 300, 8, 12, 0.35)
    offsets, eps = np.array([0, 10, 290, 300]), np.array([0.06] * 3)
    whole = dbscan_albums(vectors, offsets, eps, 3)
    monkeypatch.setattr(clustering, "LARGE", 100)
    monkeypatch.setattr(large_albums, "BLOCK", 1000)
    np.testing.assert_array_equal(dbscan_albums(vectors, offsets, eps, 3), whole)
    assert whole.max() > 1
    assert (whole == -1).any()


def test_the_company_of_other_albums_changes_nothing() -> None:
    vectors = faces(np.random.default_rng(6), 60, 16, 4, 0.3)
    alone = dbscan_albums(vectors[20:50], np.array([0, 30]), np.array([0.1]), 2)
    together = dbscan_albums(vectors, np.array([0, 20, 50, 60]), np.array([0.3, 0.1, 0.02]), 2)
    np.testing.assert_array_equal(together[20:50], alone)


def test_no_faces_and_empty_albums_are_no_error() -> None:
    assert len(dbscan_albums(np.zeros((0, 8), np.float16), np.array([0]), np.zeros(0), 2)) == 0
    assert len(dbscan_albums(np.zeros((0, 8), np.float16), np.array([0, 0, 0]), np.full(2, 0.1), 2)) == 0


def test_a_zero_vector_is_a_neighbour_of_itself_alone() -> None:
    vectors = np.array([[0, 0], [0, 0], [1, 0], [1, 0]], np.float16)
    assert dbscan_albums(vectors, np.array([0, 4]), np.array([0.1]), 2).tolist() == [-1, -1, 0, 0]


def test_all_finite_halves_are_widened_exactly() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    np.testing.assert_array_equal(widen(halves), halves.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(widen(halves)), np.signbit(halves))


def test_an_album_takes_a_sixteenth_more_rows_at_most() -> None:
    sizes = np.arange(3000)
    rows = padded_sizes(sizes)
    assert (rows >= sizes).all()
    assert (rows <= sizes * 17 / 16).all()
    assert len(np.unique(rows[1:])) < 200


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_pairs_at_eps_itself_are_settled_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = faces(rng, 12, 64, 3, 0.3)
    wide = vectors.astype(np.float64)
    length = lengths(vectors)
    distance = 1.0 - (wide @ wide.T) / (length[:, None] * length[None, :])
    i, j = rng.choice(12, 2, replace=False)
    for nudge in (0.0, -float32_error(64) / 100, float32_error(64) / 100):  # float32 alone cannot tell these apart
        eps = distance[i, j] + nudge
        found = dbscan_albums(vectors, np.array([0, 12]), np.array([eps]), 2)
        together = bool(dbscan_albums(vectors[[i, j]], np.array([0, 2]), np.array([eps]), 2)[0] == 0)
        assert together == (nudge >= 0)
        if together:
            assert found[i] == found[j] >= 0


def test_whole_weights_above_one_count_in_full() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float16)
    assert dbscan_albums(vectors, np.array([0, 3]), np.array([0.1]), 5, np.array([2, 3, 4])).tolist() == [0, 0, -1]
    assert dbscan_albums(vectors, np.array([0, 3]), np.array([0.1]), 5, np.array([2, 2, 5])).tolist() == [-1, -1, 0]


def test_an_eps_beyond_one_joins_opposites_but_no_empty_rows() -> None:
    vectors = np.array([[1, 0], [-1, 0.1], [0, 1]] * 7, np.float16)  # 21 faces take 22 rows
    assert set(dbscan_albums(vectors, np.array([0, 21]), np.array([1.2]), 2)) == {0}
    assert set(dbscan_albums(vectors, np.array([0, 21]), np.array([1.2]), 22)) == {-1}
