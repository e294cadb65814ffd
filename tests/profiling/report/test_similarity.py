"""The grid says what the vectors say."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from profiling.report.similarity import GRID_FACES, colour, cosines_of, make_grid, scale_start
from tests.profiling.report.drawn_report import make_story


def test_cosines_and_means_are_those_of_the_vectors() -> None:
    story = make_story((5, 4), loose=2, leader=1)
    grid = make_grid(story, 0.2)
    label = story.labels[grid.order]
    assert label.tolist() == [1] * 4 + [0] * 5 + [-1] * 2
    held = np.frombuffer(base64.b64decode(grid.cosines), "<i2").reshape(11, 11) / 1000
    vectors = story.vectors[grid.order]
    assert np.abs(held - vectors @ vectors.T).max() <= 0.0006
    pairs = [(a, b) for a in range(11) for b in range(a)]
    within = np.mean([held[a, b] for a, b in pairs if label[a] == label[b] != -1])
    between = np.mean([held[a, b] for a, b in pairs if not label[a] == label[b] != -1])
    assert (grid.within, grid.between) == pytest.approx((within, between), abs=0.001)


def test_picture_has_one_pixel_a_pair_in_matplotlibs_colours() -> None:
    story = make_story((3,), loose=1)
    grid = make_grid(story, 0.0)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(grid.picture.split(",")[1]))))
    assert picture.shape == (4, 4, 3)
    expected = colormaps["viridis"](np.clip(cosines_of(story, grid.order), 0, 1))[..., :3] * 255
    assert np.abs(picture - expected).max() < 16  # straight lines between nine points
    assert np.abs(colour(np.linspace(0, 1, 9)) - colormaps["viridis"](np.linspace(0, 1, 9))[:, :3] * 255).max() < 2


def test_large_albums_show_faces_of_every_cluster() -> None:
    story = make_story((60, 20, 3), loose=10)
    grid = make_grid(story, 0.0)
    assert len(grid.order) == GRID_FACES
    assert {0, 1, 2, -1} == set(story.labels[grid.order].tolist())
    assert (story.labels[grid.order] == 2).sum() == 3


def test_scale_begins_below_nearly_all_pairs() -> None:
    stories = [make_story(user_id=user) for user in (1, 2)]
    start = scale_start(stories)
    assert start < 1
    values = np.concatenate([cosines_of(story)[np.triu_indices(20, 1)] for story in stories])
    assert (values >= start).mean() > 0.95
    assert (values >= start + 0.05).mean() < 0.99
    assert scale_start([]) == 0.0
    assert scale_start([make_story((), loose=1)]) == 0.0


def test_broken_vectors_break_nothing() -> None:
    story = make_story((3,), loose=0)
    story.vectors[0] = np.nan
    story.vectors[1] = 0
    assert np.isfinite(cosines_of(story)).all()
    assert make_grid(story, scale_start([story])).picture
