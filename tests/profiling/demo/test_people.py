"""Drawn people: the same seed is the same person, and a bust shows the face where its landmarks say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from profiling.demo.busts import draw_bust
from profiling.demo.cast import CAST
from profiling.demo.genes import STYLES_MEN, STYLES_WOMEN, draw_identity
from profiling.demo.views import View, draw_view

FRONT = replace(draw_view(np.random.default_rng(0)), yaw=0.0, pitch=0.0, roll=0.0, smile=0.0, open=0.0)
WHO = (  # seed, man, age in years, build: the first and the last draws of people whose faces were measured
    (536, True, 23.6221, 1.0575),
    (523, False, 74.433, 0.8658),
    (551, False, 30.4672, 0.9143),
    (587, True, 18.7123, 1.0938),
)


@pytest.mark.parametrize(("seed", "man", "age", "build"), WHO)
def test_the_cast_are_the_people_who_were_measured(seed: int, man: bool, age: float, build: float) -> None:
    person = draw_identity(seed)
    assert (person.man, round(person.age, 4), round(person.build, 4)) == (man, age, build)


def test_nobody_of_the_cast_looks_like_another_on_paper() -> None:
    faces = [draw_identity(seed) for seed in CAST]
    measures = np.array([[*vars(p.skull).values(), *vars(p.nose).values(), *vars(p.mouth).values()] for p in faces])
    spread = measures.std(0)
    apart = np.abs(measures[:, None] - measures[None]) / spread
    np.fill_diagonal(apart[:, :, 0], np.inf)
    assert apart.mean(2).min() > 0.5  # standard deviations a measure, between the two most alike


@pytest.mark.parametrize("seed", range(40))
def test_a_person_is_possible(seed: int) -> None:
    person = draw_identity(seed)
    assert 18 <= person.age <= 75
    assert person.hair.style in (STYLES_MEN if person.man else STYLES_WOMEN)
    assert person.man or person.beard == "no"
    assert all(0 <= part <= 1 for part in (*person.skin.colour, *person.hair.colour, *person.cloth))
    assert person.wrinkles == 0 or person.age > 35


def test_a_bust_is_drawn_twice_the_same() -> None:
    first, again = (draw_bust(draw_identity(536), FRONT, 100) for _ in range(2))
    assert first.picture.tobytes() == again.picture.tobytes()
    assert np.array_equal(first.landmarks, again.landmarks)


@pytest.mark.parametrize("seed", CAST[:6])
def test_landmarks_stand_in_image_order_on_the_face(seed: int) -> None:
    bust = draw_bust(draw_identity(seed), FRONT, 120)
    left, right, nose, mouth_left, mouth_right = bust.landmarks
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < nose[0] < mouth_right[0]
    assert left[1] == pytest.approx(right[1], abs=2)
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    alpha = np.asarray(bust.picture)[..., 3]
    assert all(alpha[round(y), round(x)] == 255 for x, y in bust.landmarks)


def test_pupils_are_darker_than_the_cheeks_below() -> None:
    bust = draw_bust(draw_identity(536), replace(FRONT, lid=1.08, gaze_x=0.0, gaze_y=0.0), 160)
    grey = np.asarray(bust.picture.convert("L")).astype(float)
    for x, y in np.round(bust.landmarks[:2]).astype(int):
        assert grey[y - 2 : y + 3, x - 2 : x + 3].min() + 40 < np.median(grey[y + 20 : y + 26, x - 3 : x + 4])


@pytest.mark.parametrize("size", [60, 120, 200])
def test_size_is_the_width_of_the_head(size: int) -> None:
    bust = draw_bust(draw_identity(542), FRONT, size)  # a bald man: nothing but the head stands out
    row = np.asarray(bust.picture)[round(bust.landmarks[:2, 1].mean()), :, 3]
    assert np.flatnonzero(row > 127).size == pytest.approx(size, rel=0.2)


def test_turning_the_head_moves_the_nose_towards_one_eye() -> None:
    def lean(view: View) -> float:
        left, right, nose, *_ = draw_bust(draw_identity(536), view, 120).landmarks
        return float((nose[0] - left[0]) / (right[0] - left[0]))

    assert lean(replace(FRONT, yaw=-25.0)) + 0.1 < lean(FRONT) < lean(replace(FRONT, yaw=25.0)) - 0.1


def test_the_same_person_in_other_light_and_pose_is_another_picture() -> None:
    person, rng = draw_identity(536), np.random.default_rng(3)
    one, other = (draw_bust(person, draw_view(rng), 100).picture for _ in range(2))
    assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).mean() > 2
