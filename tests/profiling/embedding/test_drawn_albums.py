"""Albums drawn from known people, and the agreement of a grouping with the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.embedding.drawn_albums import MOST_PHOTOS, OWNER_PHOTOS, SEEN_ONCE, b_cubed, draw_albums


@pytest.mark.parametrize("size", [1, 2, 8, 20])
def test_an_album_shows_its_people_and_its_owner_whole(size: int) -> None:
    people = np.repeat(np.arange(30) * 7, np.random.default_rng(2).integers(1, 60, 30)).astype(np.int64)
    drawn = draw_albums(people, size, count=40)
    once = []
    for start, end in zip(drawn.bounds, drawn.bounds[1:], strict=False):
        faces = drawn.faces[start:end]
        assert len(np.unique(faces)) == len(faces)
        inside, times = np.unique(people[faces], return_counts=True)
        assert len(inside) == size
        owner = people[faces[0]]
        photos = int((people == owner).sum())
        assert photos >= OWNER_PHOTOS
        assert times[inside == owner] == min(photos, MOST_PHOTOS)
        once += (times[inside != owner] == 1).tolist()
    assert len(drawn.bounds) == 41
    assert size < 8 or np.mean(once) == pytest.approx(SEEN_ONCE, abs=0.1)


def test_more_people_than_there_are_is_all_of_them() -> None:
    people = np.repeat(np.arange(5), 3).astype(np.int64)
    drawn = draw_albums(people, 64, count=2)
    assert [len(np.unique(people[drawn.faces[drawn.album == a]])) for a in (0, 1)] == [5, 5]


def test_equal_people_give_equal_albums() -> None:
    people = np.repeat(np.arange(30), 5).astype(np.int64)
    assert np.array_equal(draw_albums(people, 8, 5).faces, draw_albums(people.copy(), 8, 5).faces)


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
