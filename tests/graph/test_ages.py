"""Birth years from friends: as good as the mode where friends are of one age, better where they are not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.ages import FRIENDS, STATED, UNKNOWN, estimate_birth_years
from graph.friendships import Friendships

DRAWS = range(3)
HALF_A_POINT = 0.005


def modes(friendships, stated):
    """The plain mode of the friends' years, user by user; the earliest of equals; NaN without any."""
    years = [stated[friendships.friends(row)] for row in range(friendships.rows)]
    counted = [np.unique(found[np.isfinite(found)], return_counts=True) for found in years]
    return np.array([values[counts.argmax()] if len(values) else np.nan for values, counts in counted])


def shares(estimate, born):
    """Exact and within a year, of those who have any friend with a year."""
    off = np.abs(estimate - born)
    return np.array([(off == 0).mean(), (off <= 1).mean()])


def star(own, friends, circles=()):
    """User 0 with friends who state `friends`; circles are positions among them who all know each other."""
    pairs = [(0, 1 + at) for at in range(len(friends))]
    pairs += [(1 + a, 1 + b) for circle in circles for a, b in itertools.combinations(circle, 2)]
    n = len(friends) + 1
    friendships = Friendships.of_edges(n, [a for a, _ in pairs], [b for _, b in pairs])
    stated = np.array([np.nan if year is None else year for year in (own, *friends)], np.float32)
    year, confidence, source = estimate_birth_years([0], friendships, stated)
    return float(year[0]), float(confidence[0]), int(source[0])


@pytest.mark.data
@pytest.mark.parametrize("name", ["Caltech36", "Haverford76", "Oberlin44"])
def test_on_a_college_hidden_years_are_told_as_well_as_by_the_mode(college, name):
    lives = college(name)
    ours, plain = [], []
    for seed in DRAWS:
        stated, hidden, _ = lives.state(seed)
        mode = modes(lives.friendships, stated)
        told = hidden & np.isfinite(mode)
        year = estimate_birth_years(np.flatnonzero(told), lives.friendships, stated).year
        ours.append(shares(year, lives.born[told]))
        plain.append(shares(mode[told], lives.born[told]))
    assert (np.mean(ours, axis=0) >= np.mean(plain, axis=0) - HALF_A_POINT).all(), (ours, plain)


@pytest.mark.data
@pytest.mark.parametrize("name", ["Caltech36", "Haverford76", "Oberlin44"])
def test_on_a_college_true_statements_stay_and_lies_give_way(college, name):
    lives = college(name)
    stated, hidden, lying = lives.state(0)
    found = estimate_birth_years(np.arange(lives.friendships.rows), lives.friendships, stated)
    honest = (lives.born > 0) & ~hidden & ~lying
    assert (found.source[honest] == STATED).mean() >= 0.99
    assert (found.year[honest & (found.source == STATED)] == lives.born[honest & (found.source == STATED)]).all()
    assert (found.source[lying] == FRIENDS).mean() >= 0.88


@pytest.mark.data
@pytest.mark.parametrize("name", ["Caltech36", "Haverford76", "Oberlin44"])
def test_confidence_on_a_college_means_what_it_says(college, name):
    lives = college(name)
    stated, hidden, lying = lives.state(1)
    rows = np.flatnonzero(hidden | lying)
    found = estimate_birth_years(rows, lives.friendships, stated)
    right = np.abs(found.year - lives.born[rows]) <= 1
    told = found.source == FRIENDS
    sure, likely, vague = (found.confidence >= 0.9), (found.confidence >= 0.5), (found.confidence < 0.5)
    assert right[told & sure].mean() >= 0.95
    assert right[told & likely].mean() >= 0.85
    assert right[told & vague].mean() < right[told & likely].mean()


def test_with_several_cohorts_communities_beat_the_mode(several_cohorts):
    ours, plain, sure = [], [], []
    for seed in DRAWS:
        lives = several_cohorts(seed)
        stated, hidden, _ = lives.state(seed)
        rows = np.flatnonzero(hidden)
        found = estimate_birth_years(rows, lives.friendships, stated)
        ours.append(shares(found.year, lives.born[rows]))
        plain.append(shares(modes(lives.friendships, stated)[rows], lives.born[rows]))
        sure.append((np.abs(found.year - lives.born[rows]) <= 2)[found.confidence >= 0.5].mean())
    gain = np.mean(ours, axis=0) - np.mean(plain, axis=0)
    assert gain[0] >= 0.02, gain
    assert gain[1] >= 0.03, gain
    assert np.mean(sure) >= 0.92


def test_a_circle_that_agrees_beats_years_that_add_up_across_circles():
    school, work, club = [1980] * 6, [1961, 1961, 1961, 1961, 1950, 1972], [1961, 1961, 1961, 1961, 1949, 1970]
    circles = (range(6), range(6, 12), range(12, 18))
    year, confidence, source = star(None, school + work + club, circles)
    assert (year, source) == (1980, FRIENDS)
    assert confidence > 0.8
    assert star(None, school + work + club)[0] == 1961  # without circles the years are all there is


def test_a_stated_year_that_a_cohort_supports_stays_as_it_is():
    assert star(1978, [1980] * 5)[::2] == (1978, STATED)
    assert star(1980, [1980] * 5 + [1961] * 6)[::2] == (1980, STATED)


def test_a_stated_year_that_friends_contradict_gives_way():
    year, confidence, source = star(1950, [1980, 1980, 1981, 1980, 1979])
    assert (year, source) == (1980, FRIENDS)
    assert confidence > 0.8


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
    nobody = estimate_birth_years([], Friendships.of_edges(0, [], []), np.zeros(0, np.float32))
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
    whole = estimate_birth_years(np.arange(n), Friendships.of_edges(n, a, b), stated, order=ids)

    row_of = rng.permutation(n)
    moved = Friendships.of_edges(n, row_of[a], row_of[b])
    chunks = Friendships.of_chunks([moved.neighbours(0, 17), moved.neighbours(17, n)])
    placed = np.argsort(row_of)
    rows = rng.permutation(n)
    again = estimate_birth_years(rows, chunks, stated[placed], order=ids[placed])
    for ours, theirs in zip(again, whole, strict=True):
        assert ours.tobytes() == theirs[placed[rows]].tobytes()
