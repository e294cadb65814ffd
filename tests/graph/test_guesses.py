"""First guesses: statements count, hidden years are filled in, lies give way, and nothing depends on order."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.cohorts import FIRST_YEAR, CohortTable
from graph.friendships import Friendships
from graph.guesses import UNSTATED, VOTE, guess_histogram, guess_years

GENERAL = CohortTable.of_counts([])


def clique(stated: list[float]) -> np.ndarray:
    pairs = list(itertools.combinations(range(len(stated)), 2))
    friendships = Friendships.of_edges(len(stated), [a for a, _ in pairs], [b for _, b in pairs])
    return guess_years(range(len(stated)), friendships, np.array(stated, np.float32), GENERAL)


def test_a_statement_that_friends_confirm_is_a_whole_vote():
    assert (clique([1980] * 6)[:, :2] == [80, VOTE]).all()


def test_a_hidden_year_is_guessed_with_less_than_a_vote():
    guess = clique([np.nan] + [1980] * 6)[0]
    assert guess[0] == 80
    assert 0.8 * UNSTATED * VOTE < guess[1] <= round(UNSTATED * VOTE)


def test_a_lie_gives_way_among_many_friends_and_stays_among_few():
    assert clique([1950] + [1980] * 12)[0, 0] == 80
    few = Friendships.of_edges(2, [0], [1])
    assert guess_years([0], few, np.array([1950, 1980], np.float32), GENERAL)[0, 0] == 50


def test_who_has_no_year_and_no_friend_with_one_has_no_vote():
    guess = guess_years([0], Friendships.of_edges(2, [0], [1]), np.full(2, np.nan, np.float32), GENERAL)
    assert guess[0, [1, 3]].tolist() == [0, 0]


@settings(max_examples=30)
@given(st.lists(st.tuples(*[st.integers(0, 200), st.integers(0, 127)] * 2), min_size=1, max_size=20), st.data())
def test_votes_add_up(guesses, data):
    rows = data.draw(st.lists(st.integers(0, len(guesses) - 1), max_size=30))
    cut = data.draw(st.integers(0, len(rows)))
    found = guess_histogram(np.array([0, cut, len(rows)]), np.array(rows, np.int32), np.array(guesses, np.uint8))
    expected = np.zeros_like(found)
    for at, row in enumerate(rows):
        first, votes, second, more = guesses[row]
        expected[int(at >= cut), first] += votes
        expected[int(at >= cut), second] += more
    assert np.array_equal(found, expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_blocks_and_numbering_change_no_bit(seed):
    rng = np.random.default_rng(seed)
    n = 60
    a, b = rng.integers(0, n, 400), rng.integers(0, n, 400)
    stated = np.where(rng.random(n) < 0.7, rng.choice([1950, 1951, 1980], n), np.nan).astype(np.float32)
    whole = guess_years(range(n), Friendships.of_edges(n, a, b), stated, GENERAL)
    row_of = rng.permutation(n)
    placed, rows = np.argsort(row_of), rng.permutation(n)
    again = guess_years(rows, Friendships.of_edges(n, row_of[a], row_of[b]), stated[placed], GENERAL)
    assert np.array_equal(again, whole[placed[rows]])
    assert (whole[:, 0] < 2100 - FIRST_YEAR).all()
