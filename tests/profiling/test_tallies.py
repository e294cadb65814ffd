"""Tallies add up to the whole, however the rows are divided."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from profiling.tables import pack_vectors
from profiling.tallies import BINS, add_counts, bin_names, count_values, histogram, norm_summary, tally_norms


def faces(count: int, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 512))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pa.table({"embedding": pack_vectors(vectors), "norm": rng.uniform(1, 40, count).astype(np.float32)})


def test_norms_are_those_of_numpy_and_exact_in_any_division() -> None:
    table = faces(1001)
    whole = tally_norms(table)
    parts = [tally_norms(table.slice(start, 37)) for start in range(0, 1001, 37)]
    assert add_counts(parts) == dict(sorted(whole.items()))
    summary, norms = norm_summary(whole), np.asarray(table["norm"], np.float64)
    assert summary["mean"] == pytest.approx(norms.mean(), abs=1e-3)
    assert summary["sd"] == pytest.approx(norms.std(), abs=1e-3)
    assert summary["degenerate"] == 0


@pytest.mark.parametrize("broken", [0.0, 0.5, 2.0, np.nan, np.inf])
def test_vectors_that_are_not_unit_are_degenerate(broken: float) -> None:
    vectors = np.eye(4)
    vectors[1, 1] = broken
    table = pa.table({"embedding": pack_vectors(vectors), "norm": pa.array([1.0, 1.0, 1.0, 3.0], pa.float32())})
    summary = norm_summary(tally_norms(table))
    assert summary["degenerate"] == 1
    assert summary["mean"] == pytest.approx(5 / 3, abs=1e-3)


@pytest.mark.parametrize("broken", [0.0, -1.0, float("nan"), float("inf"), None])
def test_norms_that_no_network_gives_are_degenerate(broken: float | None) -> None:
    table = pa.table({"embedding": pack_vectors(np.eye(2)), "norm": pa.array([1.5, broken], pa.float32())})
    assert tally_norms(table)["degenerate"] == 1


def test_without_faces_nothing_is_known() -> None:
    assert norm_summary(tally_norms(faces(0))) == {"faces": 0, "degenerate": 0, "mean": None, "sd": None}


def test_bins_hold_what_their_names_say() -> None:
    assert len(bin_names()) == len(BINS)
    found = dict(zip(bin_names(), histogram(np.array([0, 1, 2, 3, 4, 255, 256, 10**6])), strict=True))
    assert {name: n for name, n in found.items() if n} == {"0": 1, "1": 1, "2–3": 2, "4–7": 1, "128–255": 1, "256+": 2}


def test_texts_are_counted_and_nulls_are_unknown() -> None:
    assert count_values(pa.chunked_array([["b", "a"], ["b", None]])) == {"a": 1, "b": 2, "unknown": 1}
