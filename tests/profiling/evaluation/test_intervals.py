"""Wilson intervals against scipy's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from profiling.evaluation import share, wilson


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    count, of = counts
    expected = binomtest(count, of).proportion_ci(0.95, method="wilson")
    low, high = wilson(count, of)
    assert low == pytest.approx(expected.low, abs=1e-9)
    assert high == pytest.approx(expected.high, abs=1e-9)
    assert low <= count / of <= high


def test_nothing_counted_says_nothing() -> None:
    assert share(0, 0) == {"value": None, "count": 0, "of": 0, "interval": [0.0, 1.0]}


def test_more_hits_than_tries_is_refused() -> None:
    with pytest.raises(ValueError, match="3 is not within 0 and 2"):
        wilson(3, 2)
