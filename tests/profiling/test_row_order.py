"""Orders of rows against numpy's lexsort, whatever the widths of the columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.row_order import real, row_order, signed

SIGNED = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(SIGNED, st.integers(-3, 3), st.floats(width=32, allow_nan=False)), max_size=50))
def test_equals_lexsort(rows: list[tuple[int, int, float]]) -> None:
    wide, few, numbers = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    a, b, c = np.array(wide, np.int64), np.array(few, np.int64), np.array(numbers, np.float32)
    np.testing.assert_array_equal(row_order([signed(a), signed(b), real(c)]), np.lexsort((a, b, c)))
    np.testing.assert_array_equal(row_order([signed(b), ~signed(a)]), np.lexsort((b, -a.astype(object))))


@pytest.mark.parametrize("rows", [65_536, 100_000])
def test_many_rows_and_equal_ones_stay_as_they_stand(rows: int) -> None:
    rng = np.random.default_rng(rows)
    first, second = rng.integers(0, 50, rows), rng.integers(-(2**62), 2**62, rows)
    np.testing.assert_array_equal(row_order([signed(first)]), np.argsort(first, kind="stable"))
    np.testing.assert_array_equal(row_order([signed(second), signed(first)]), np.lexsort((second, first)))
