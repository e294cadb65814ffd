"""The map keeps people together, is always the same, and never breaks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from profiling.report.face_map import MIN_FACES, place_faces, thumbnail_side
from tests.profiling.report.drawn_report import make_story


def test_faces_of_one_person_lie_together() -> None:
    story = make_story((12, 9, 7), loose=0)
    places = place_faces(story.vectors)
    assert silhouette_score(places, story.labels) > 0.5
    assert ((places > 0) & (places < 1)).all()


def test_thumbnails_hardly_cover_each_other() -> None:
    places = place_faces(make_story((30, 20), loose=0).vectors)
    gap = np.abs(places[:, None] - places[None]) / thumbnail_side(50)
    nearest = (gap.max(axis=2) + 9 * np.eye(len(places))).min(axis=1)
    assert np.median(nearest) > 0.7


def test_same_faces_give_the_same_map() -> None:
    vectors = make_story().vectors
    assert np.array_equal(place_faces(vectors), place_faces(vectors.copy()))


@pytest.mark.parametrize("count", [MIN_FACES, 5, 100])
def test_equal_or_broken_faces_make_a_map(count: int) -> None:
    equal = np.tile(np.eye(8)[:1], (count, 1))
    broken = np.full((count, 8), np.nan)
    for vectors in (equal, broken):
        places = place_faces(vectors)
        assert np.isfinite(places).all()
        assert len(np.unique(places, axis=0)) == count


def test_too_few_faces_make_none() -> None:
    with pytest.raises(ValueError, match="3 faces make no map"):
        place_faces(np.eye(3))
