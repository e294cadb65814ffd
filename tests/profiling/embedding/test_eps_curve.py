"""The curve of eps over the number of people: it parts people at any scale, steadily, and follows what is planted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from profiling.embedding.drawn_albums import draw_albums
from profiling.embedding.eps_curve import (
    ALBUMS,
    SLOPES,
    EpsCurve,
    eps_candidates,
    fit_eps_curve,
    group_drawn,
    mean_curve,
)
from profiling.embedding.identities import pair_similarities
from tests.profiling.embedding.crowd import crowd

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def candidates(vectors: Floats, people: Ints) -> npt.NDArray[np.float64]:
    """A few of the distances that a calibration would try."""
    return eps_candidates(*pair_similarities(vectors, people))[::5]


@pytest.mark.parametrize("spread", [0.02, 0.08, 0.3])
def test_it_parts_the_people_whatever_the_scale_of_distances(spread: float) -> None:
    vectors, people = crowd(spread)
    curve = fit_eps_curve(vectors, people, candidates(vectors, people))
    for size in (2, 8, 32):
        precision, recall = group_drawn(vectors, people, draw_albums(people, size, 20), float(curve.at(size)))
        assert precision > 0.99
        assert recall > 0.95


def blurred(people: int = 70, photos: int = 9, dim: int = 6) -> tuple[Floats, Ints]:
    """People so near each other that every further one makes a chance link likelier."""
    random = np.random.default_rng(4)
    centres = random.normal(size=(people, dim)) * 1.2
    faces = np.repeat(centres, photos, axis=0) + random.normal(size=(people * photos, dim)) * 0.25
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    return unit.astype(np.float32), np.repeat(np.arange(people), photos)


@pytest.mark.slow
def test_more_people_want_a_stricter_eps_and_half_the_people_tell_nearly_the_same() -> None:
    vectors, people = blurred()
    tried = candidates(vectors, people)
    whole = fit_eps_curve(vectors, people, tried)
    assert whole.slope > 0.02
    halves = [fit_eps_curve(vectors[people % 2 == k], people[people % 2 == k], tried) for k in (0, 1)]
    assert halves[0].level == pytest.approx(halves[1].level, rel=0.25)
    strict, loose = (
        group_drawn(vectors, people, draw_albums(people, 32, 10), eps) for eps in (whole.at(32), whole.at(2))
    )
    assert strict[0] > loose[0]


def test_points_never_rise_and_lie_on_the_curve() -> None:
    for slope in SLOPES:
        points = EpsCurve(0.06, float(slope)).points()
        assert [people for people, _ in points] == [float(size) for size in ALBUMS]
        assert (np.diff([eps for _, eps in points]) <= 0).all()
    assert EpsCurve(0.5, 0.1).at([10, 1]) == pytest.approx([0.5, 0.5 * 10**0.1])


def test_the_middle_of_curves_lies_between_them() -> None:
    middle = mean_curve([EpsCurve(0.04, 0.0), EpsCurve(0.09, 0.1)])
    assert (middle.level, middle.slope) == (pytest.approx(0.06), pytest.approx(0.05))


def test_candidates_ascend_from_pairs_of_one_person_to_pairs_of_two() -> None:
    same, different = pair_similarities(*crowd(0.1))
    tried = eps_candidates(same, different)
    assert (np.diff(tried) > 0).all()
    assert np.mean(1 - same <= tried[0]) <= 0.52
    assert np.mean(1 - different < tried[-1]) == pytest.approx(0.01, abs=0.005)
