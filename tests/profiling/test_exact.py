"""Sums and products of float16 vectors: exact, and the same in pieces."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from profiling import exact
from profiling.exact import cosine_rows, dot_rows, lengths, sum_by_code

RNG = np.random.default_rng(0)


def unit(n: int, dim: int) -> np.ndarray:
    vectors = RNG.normal(size=(n, dim)) * 10.0 ** RNG.integers(-4, 1, size=(n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def test_dot_products_lose_nothing() -> None:
    one, other = unit(20, 512), unit(20, 512)
    for found, a, b in zip(dot_rows(one, other), one, other, strict=True):
        assert Fraction(float(found)) == sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a, b, strict=True))


def test_a_matrix_product_gives_the_same_bits_in_any_order() -> None:
    vectors = unit(50, 512)
    wide, order = vectors.astype(np.float64), RNG.permutation(512)
    np.testing.assert_array_equal(wide @ wide.T, wide[:, order] @ wide[:, order].T)
    np.testing.assert_array_equal(np.diag(wide @ wide.T), dot_rows(vectors, vectors))


def test_sums_equal_a_loop_and_do_not_hang_on_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, codes, weight = unit(200, 16), RNG.integers(-1, 9, size=200), RNG.integers(0, 2, size=200)
    whole = sum_by_code(vectors, codes, weight)
    for code, found in enumerate(whole):
        rows = (codes == code) & (weight > 0)
        np.testing.assert_array_equal(found, vectors[rows].astype(float).sum(axis=0))
    monkeypatch.setattr(exact, "ROWS", 7)
    np.testing.assert_array_equal(sum_by_code(vectors, codes, weight), whole)
    np.testing.assert_array_equal(dot_rows(vectors, vectors), (vectors.astype(float) ** 2).sum(axis=1))


def test_zero_vectors_divide_nothing_by_zero() -> None:
    vectors = np.array([[0, 0], [3, 4]], np.float16)
    assert lengths(vectors).tolist() == [1, 5]
    assert cosine_rows(vectors, vectors).tolist() == [0, 1]


def test_no_codes_no_rows() -> None:
    assert sum_by_code(unit(3, 4), np.full(3, -1), np.ones(3, np.int64)).shape == (0, 4)
