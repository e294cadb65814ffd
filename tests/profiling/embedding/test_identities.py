"""Thresholds and eps from faces whose people are known, at any scale of distances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances

from profiling.embedding.identities import (
    ALBUM_PEOPLE,
    b_cubed,
    best_eps,
    draw_albums,
    eps_candidates,
    fit_thresholds,
    pair_similarities,
)

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def crowd(spread: float, people: int = 40, photos: int = 10, dim: int = 32) -> tuple[Floats, Ints]:
    """Faces of `people`, close to their person's direction by `spread`, all people around one common direction."""
    random = np.random.default_rng(0)
    centres = np.ones(dim) + random.normal(size=(people, dim)) * 4 * spread
    faces = np.repeat(centres, photos, axis=0) + random.normal(size=(people * photos, dim)) * spread
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    return unit.astype(np.float32), np.repeat(np.arange(people), photos)


def test_pairs_are_those_of_scikit_learn() -> None:
    vectors, people = crowd(0.3, people=7, photos=4)
    same, different = pair_similarities(vectors, people)
    cosine = 1 - pairwise_distances(vectors.astype(np.float16), metric="cosine")
    first, second = np.triu_indices(len(people), 1)
    one = people[first] == people[second]
    assert np.allclose(np.sort(same), np.sort(cosine[first, second][one]), atol=1e-5)
    assert np.allclose(np.sort(different), np.sort(cosine[first, second][~one]), atol=1e-5)


def test_thresholds_let_their_share_of_strangers_pass() -> None:
    different = np.random.default_rng(1).normal(0.5, 0.1, 200_000).astype(np.float32)
    for rate, cosine in fit_thresholds(different).items():
        assert (different >= cosine).mean() == pytest.approx(float(rate), rel=0.25)


@pytest.mark.parametrize("spread", [0.02, 0.08, 0.3])
def test_eps_parts_the_people_whatever_the_scale_of_distances(spread: float) -> None:
    vectors, people = crowd(spread)
    _, different = pair_similarities(vectors, people)
    best = best_eps(vectors, people, eps_candidates(different)[::4])
    assert best.precision > 0.99
    assert best.recall > 0.95


def test_candidates_ascend_and_are_distances_between_different_people() -> None:
    vectors, people = crowd(0.1)
    _, different = pair_similarities(vectors, people)
    tried = eps_candidates(different)
    assert (np.diff(tried) > 0).all()
    assert tried[0] >= (1 - different).min() - 1e-4
    assert np.mean(1 - different < tried[-1]) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("size", ALBUM_PEOPLE)
def test_an_album_holds_its_people_whole_and_strangers_once(size: int) -> None:
    people = np.repeat(np.arange(30), np.random.default_rng(2).integers(1, 12, 30)).astype(np.int64)
    photos = np.bincount(people)
    albums = draw_albums(people, size, count=10)
    for start, end in zip(albums.offsets, albums.offsets[1:], strict=False):
        faces = albums.faces[start:end]
        assert len(np.unique(faces)) == len(faces)
        inside, times = np.unique(people[faces], return_counts=True)
        whole = times == photos[inside]
        assert (whole | (times == 1)).all()
        assert (whole & (times > 1)).sum() >= min(size, (photos > 1).sum())
        assert photos[people[faces[0]]] >= 8  # the owner


def test_equal_people_give_equal_albums() -> None:
    people = np.repeat(np.arange(30), 5).astype(np.int64)
    assert np.array_equal(draw_albums(people, 8).faces, draw_albums(people.copy(), 8).faces)


def test_b_cubed_of_a_worked_example() -> None:
    labels, people = np.array([0, 0, 0, 1, 1, -1]), np.array([7, 7, 8, 8, 8, 8])
    precision, recall = b_cubed(labels, people, np.zeros(6, np.int64))
    assert precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1) / 6)
    assert recall == pytest.approx((1 + 1 + 1 / 4 + 2 / 4 + 2 / 4 + 1 / 4) / 6)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=40))
def test_b_cubed_is_the_mean_over_faces_of_its_definition(faces: list[tuple[int, int, int]]) -> None:
    album, people, labels = (np.array(column) for column in zip(*faces, strict=True))
    expected = []
    for i, (a, p, c) in enumerate(faces):
        cluster = [j for j, face in enumerate(faces) if j == i or (c >= 0 and face[0] == a and face[2] == c)]
        person = [j for j, face in enumerate(faces) if face[:2] == (a, p)]
        both = len(set(cluster) & set(person))
        expected.append((both / len(cluster), both / len(person)))
    assert np.allclose(b_cubed(labels, people, album), np.mean(expected, axis=0))
