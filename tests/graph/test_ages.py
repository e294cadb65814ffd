"""Birth years from friends: better than the mode where friends are of one age, much better where they are not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import ages
from graph.ages import FRIENDS, STATED, UNKNOWN
from graph.friendships import Friendships
from tests.graph.lives import NOTHING_COUNTED, estimate, modes, shares

DRAWS = range(3)
HALF_A_POINT = 0.005
COLLEGES = ("Caltech36", "Haverford76", "Oberlin44")


def star(own, friends, circles=()):
    """User 0 with friends who state `friends`; circles are positions among them who all know each other."""
    pairs = [(0, 1 + at) for at in range(len(friends))]
    pairs += [(1 + a, 1 + b) for circle in circles for a, b in itertools.combinations(circle, 2)]
    n = len(friends) + 1
    friendships = Friendships.of_edges(n, [a for a, _ in pairs], [b for _, b in pairs])
    stated = np.array([np.nan if year is None else year for year in (own, *friends)], np.float32)
    year, confidence, source = estimate([0], friendships, stated, NOTHING_COUNTED)
    return float(year[0]), float(confidence[0]), int(source[0])


@pytest.mark.data
def test_on_every_college_hidden_years_are_told_better_than_by_the_mode(college):
    gains = []
    for name in COLLEGES:
        lives, gain = college(name), []
        for seed in DRAWS:
            stated, hidden, _ = lives.state(seed)
            mode = modes(lives.friendships, stated)
            told = hidden & np.isfinite(mode)
            year = estimate(np.flatnonzero(told), lives.friendships, stated).year
            gain.append(shares(year, lives.born[told]) - shares(mode[told], lives.born[told]))
        gains.append(np.mean(gain, axis=0))
    assert (np.array(gains) >= 2 * HALF_A_POINT).all(), gains
    assert (np.mean(gains, axis=0) >= 4 * HALF_A_POINT).all(), gains


@pytest.mark.data
@pytest.mark.parametrize("name", COLLEGES)
def test_on_a_college_true_statements_stay_and_lies_give_way(college, name):
    lives = college(name)
    stated, hidden, lying = lives.state(0)
    found = estimate(np.arange(lives.friendships.rows), lives.friendships, stated)
    honest = (lives.born > 0) & ~hidden & ~lying
    assert (found.source[honest] == STATED).mean() >= 0.99
    assert (found.year[honest & (found.source == STATED)] == lives.born[honest & (found.source == STATED)]).all()
    assert (found.source[lying] == FRIENDS).mean() >= 0.88


@pytest.mark.data
@pytest.mark.parametrize("name", COLLEGES)
def test_confidence_on_a_college_means_what_it_says(college, name):
    lives = college(name)
    parts = []
    for seed in DRAWS:
        stated, hidden, _ = lives.state(seed)
        rows = np.flatnonzero(hidden)
        found = estimate(rows, lives.friendships, stated)
        told = found.source == FRIENDS
        parts.append(np.stack([found.confidence, np.abs(found.year - lives.born[rows])])[:, told])
    confidence, off = np.concatenate(parts, axis=1)
    right = ((off == 0).astype(float) + (off <= 2)) / 2
    assert (off == 0)[confidence >= 0.9].mean() >= 0.88
    for low, high in ((0.5, 0.8), (0.8, 0.9), (0.9, 1.01)):
        band = (confidence >= low) & (confidence < high)
        assert -0.05 <= right[band].mean() - confidence[band].mean() <= 0.12, (low, band.sum())
    assert (confidence >= 0.5).mean() >= 0.9


@pytest.mark.data
@pytest.mark.parametrize("name", COLLEGES)
def test_stated_years_of_high_confidence_are_true(college, name):
    lives = college(name)
    stated, _, _ = lives.state(2)
    found = estimate(np.arange(lives.friendships.rows), lives.friendships, stated)
    sure = (lives.born > 0) & (found.source == STATED) & (found.confidence >= 0.9)
    assert (found.year == lives.born)[sure].mean() >= 0.98
    assert sure.sum() >= 0.5 * (lives.born > 0).sum() * 0.6


def test_with_several_cohorts_communities_beat_the_mode(several_cohorts, monkeypatch):
    ours, alone, plain, sure = [], [], [], []
    for seed in DRAWS:
        lives = several_cohorts(seed)
        stated, hidden, _ = lives.state(seed)
        rows = np.flatnonzero(hidden)
        found = estimate(rows, lives.friendships, stated)
        ours.append(shares(found.year, lives.born[rows]))
        plain.append(shares(modes(lives.friendships, stated)[rows], lives.born[rows]))
        sure.append((np.abs(found.year - lives.born[rows]) <= 2)[found.confidence >= 0.5].mean())
        with monkeypatch.context() as patch:
            patch.setattr(ages, "SECOND_PEAK", np.inf)  # nobody is ever in doubt: no communities
            alone.append(shares(estimate(rows, lives.friendships, stated).year, lives.born[rows]))
    gain, added = (np.mean(ours, axis=0) - np.mean(other, axis=0) for other in (plain, alone))
    assert (gain >= [0.05, 0.08]).all(), gain
    assert (added >= [0.02, 0.04]).all(), added
    assert np.mean(sure) >= 0.95


def test_a_circle_that_agrees_beats_years_that_add_up_across_circles():
    school = [1980] * 6
    mixed = [[1961, 1961, *others] for others in ([1945, 1950, 1972, 1955], [1949, 1940, 1970, 1990])]
    mixed += [[1961, 1961, *others] for others in ([1953, 1944, 1968, 1987], [1947, 1957, 1975, 1993])]
    friends = school + [year for circle in mixed for year in circle]
    year, confidence, source = star(None, friends, [range(at, at + 6) for at in range(0, 30, 6)])
    assert (year, source) == (1980, FRIENDS)
    assert confidence > 0.6
    assert star(None, friends)[0] == 1961  # without circles the years are all there is


def test_a_stated_year_that_a_cohort_supports_stays_as_it_is():
    assert star(1978, [1980] * 5)[::2] == (1978, STATED)
    assert star(1980, [1980] * 5 + [1961] * 6)[::2] == (1980, STATED)


def test_a_stated_year_that_friends_contradict_gives_way():
    year, confidence, source = star(1950, [1980, 1980, 1981, 1980, 1979])
    assert (year, source) == (1980, FRIENDS)
    assert confidence > 0.7


def test_a_stated_year_that_nobody_can_check_stays_with_less_confidence():
    alone, checked = star(1980, [None, None, 1980]), star(1980, [1980] * 5)
    assert alone[::2] == checked[::2] == (1980, STATED)
    assert 0.5 < alone[1] < checked[1]


def test_a_stated_year_among_friends_of_no_common_age_stays_in_doubt():
    year, confidence, source = star(1950, [1990, 1970, 1960])
    assert (year, source) == (1950, STATED)
    assert confidence < star(1950, [])[1]


def test_too_few_friends_tell_a_year_without_confidence():
    year, confidence, source = star(None, [1980, 1980])
    assert (year, source) == (1980, FRIENDS)
    assert confidence < 0.5


def test_nobody_says_anything():
    for friends in ([], [None, None]):
        year, confidence, source = star(None, friends)
        assert np.isnan(year)
        assert (confidence, source) == (0.0, UNKNOWN)
    nobody = estimate([], Friendships.of_edges(0, [], []), np.zeros(0, np.float32))
    assert [len(part) for part in nobody] == [0, 0, 0]


def test_impossible_years_are_read_as_not_stated():
    assert star(-32768, [32767, 0, 1899])[2] == UNKNOWN
    assert star(None, [1980, 1980, 1980, -5, -5, -5, -5])[0] == 1980


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rows_blocks_and_numbering_change_no_bit(seed):
    rng = np.random.default_rng(seed)
    n = 60
    a, b = rng.integers(0, n, 500), rng.integers(0, n, 500)
    stated = np.where(rng.random(n) < 0.7, rng.choice([1950, 1951, 1980, 1981], n), np.nan).astype(np.float32)
    ids = np.sort(rng.choice(10_000, n, replace=False)).astype(np.int64)
    whole = estimate(np.arange(n), Friendships.of_edges(n, a, b), stated, order=ids)

    row_of = rng.permutation(n)
    moved = Friendships.of_edges(n, row_of[a], row_of[b])
    chunks = Friendships.of_chunks([moved.neighbours(0, 17), moved.neighbours(17, n)])
    placed = np.argsort(row_of)
    rows = rng.permutation(n)
    again = estimate(rows, chunks, stated[placed], order=ids[placed])
    for ours, theirs in zip(again, whole, strict=True):
        assert ours.tobytes() == theirs[placed[rows]].tobytes()
