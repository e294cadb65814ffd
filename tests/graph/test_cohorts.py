"""The cohort table counts what it should, knows asymmetry, and is the same bytes however the population is cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.cohorts import FIRST_YEAR, SAME_YEAR, YEARS, CohortTable, count_cohorts
from graph.friendships import Friendships


def crowd(seed: int, n: int = 80) -> tuple[Friendships, np.ndarray]:
    rng = np.random.default_rng(seed)
    stated = np.where(rng.random(n) < 0.8, rng.integers(1980, 1984, n), np.nan).astype(np.float32)
    return Friendships.of_edges(n, rng.integers(0, n, 600), rng.integers(0, n, 600)), stated


def test_only_years_that_friends_confirm_are_counted():
    friendships = Friendships.of_edges(4, [0, 0, 0], [1, 2, 3])
    users, pairs = count_cohorts(range(4), friendships, np.array([1980, 1981, 1970, np.nan], np.float32))
    assert users[[70, 80, 81]].tolist() == [0, 1, 1]  # 1970 has one friend, ten years off
    assert pairs[80, [70, 81]].tolist() == [1, 1]
    assert pairs[81, 80] == 1
    assert pairs.sum() == 3


def test_counts_agree_with_a_loop():
    friendships, stated = crowd(1)
    pairs = np.zeros((YEARS, YEARS), int)
    for row in range(80):
        years = stated[friendships.friends(row)]
        near = (np.abs(years - stated[row]) <= 1).sum()
        if near >= max(0.1 * np.isfinite(years).sum(), 1):
            for year in years[np.isfinite(years)]:
                pairs[int(stated[row]) - FIRST_YEAR, int(year) - FIRST_YEAR] += 1
    assert np.array_equal(count_cohorts(range(80), friendships, stated).pairs, pairs)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(80)), st.lists(st.integers(0, 80), max_size=4))
def test_order_and_buckets_change_no_byte(order, cuts):
    friendships, stated = crowd(2)
    whole = CohortTable.of_counts([count_cohorts(range(80), friendships, stated)])
    edges = [0, *sorted(cuts), 80]
    parts = [count_cohorts(order[a:b], friendships, stated) for a, b in itertools.pairwise(edges)]
    assert CohortTable.of_counts(reversed(parts)).to_json() == whole.to_json()


def test_an_empty_table_says_that_friends_are_of_one_age():
    table = CohortTable.of_counts([])
    assert (table.prior == table.prior[0]).all()
    speaks = table.speaks[80]
    assert speaks.argmax() == 80
    assert speaks[80] > speaks[79] == speaks[81] > speaks[75] > speaks[40]
    assert speaks[80] - speaks[81] > 1000 * SAME_YEAR


def test_a_one_sided_friendship_is_learned():
    """Those of 1980 know 1981 as well as their own; those of 1990 know only each other."""
    rng = np.random.default_rng(0)
    born = np.repeat([1980, 1981, 1990, 1991], 300)
    a, b = rng.integers(0, 1200, 200_000), rng.integers(0, 1200, 200_000)
    tied = (born[a] == born[b]) | ((born[a] < 1985) & (born[b] < 1985))
    friendships = Friendships.of_edges(1200, a[tied], b[tied])
    table = CohortTable.of_counts([count_cohorts(range(1200), friendships, born.astype(np.float32))])
    assert table.speaks[81, 80] > table.speaks[91, 90] + 500


def test_json_brings_back_the_same_table():
    table = CohortTable.of_counts([count_cohorts(range(80), *crowd(3))])
    again = CohortTable.from_json(table.to_json())
    assert again.id == table.id
    assert again.speaks.tobytes() == table.speaks.tobytes()
    assert again.prior.tobytes() == table.prior.tobytes()
    assert CohortTable.of_counts([]).id != table.id


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1, "first_year": 1900, "users": [[999, 1]], "pairs": []}']
)
def test_text_that_is_no_table_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match=r"^not a cohort table .* a full rebuild writes a new one$"):
        CohortTable.from_json(text)
