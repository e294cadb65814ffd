"""Tallies add up to the whole, however the rows are divided."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from profiling.tallies import (
    BINS,
    MARGIN_EDGES,
    add_counts,
    bin_names,
    count_repeated,
    count_values,
    edge_names,
    histogram,
    norm_summary,
    spread_histogram,
    tally_norms,
)
from profiling.vectors import pack_vectors


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


@pytest.mark.parametrize(
    ("broken", "fault"), [(0.0, "zero"), (0.5, "length"), (2.0, "length"), (np.nan, "nan"), (np.inf, "nan")]
)
def test_vectors_that_are_not_unit_are_degenerate(broken: float, fault: str) -> None:
    vectors = np.eye(4)
    vectors[1, 1] = broken
    table = pa.table({"embedding": pack_vectors(vectors), "norm": pa.array([1.0, 1.0, 1.0, 3.0], pa.float32())})
    summary = norm_summary(tally_norms(table))
    assert summary["degenerate"] == summary["by_fault"][fault] == 1
    assert summary["mean"] == pytest.approx(5 / 3, abs=1e-3)


@pytest.mark.parametrize("broken", [0.0, -1.0, float("nan"), float("inf"), None])
def test_norms_that_no_network_gives_are_degenerate(broken: float | None) -> None:
    table = pa.table({"embedding": pack_vectors(np.eye(2)), "norm": pa.array([1.5, broken], pa.float32())})
    assert norm_summary(tally_norms(table))["by_fault"] == {"nan": 0, "zero": 0, "length": 0, "norm": 1}


def test_without_faces_nothing_is_known() -> None:
    summary = norm_summary(tally_norms(faces(0)))
    assert (summary["faces"], summary["degenerate"], summary["mean"], summary["sd"]) == (0, 0, None, None)


def test_bins_hold_what_their_names_say() -> None:
    assert len(bin_names()) == len(BINS)
    found = dict(zip(bin_names(), histogram(np.array([0, 1, 2, 3, 4, 255, 256, 10**6])), strict=True))
    assert {name: n for name, n in found.items() if n} == {"0": 1, "1": 1, "2–3": 2, "4–7": 1, "128–255": 1, "256+": 2}


def test_texts_are_counted_and_nulls_are_unknown() -> None:
    assert count_values(pa.chunked_array([["b", "a"], ["b", None]])) == {"a": 1, "b": 2, "unknown": 1}


def test_numbers_fall_between_the_edges_that_name_them() -> None:
    values = np.array([-0.1, 0.0, 0.149, np.float32(0.15), 0.31, 1.8, 50.0, np.nan])
    found = dict(zip(edge_names(MARGIN_EDGES), spread_histogram(values, MARGIN_EDGES), strict=True))
    assert {name: n for name, n in found.items() if n} == {
        "below 0": 1, "0 to 0.15": 2, "0.15 to 0.3": 1, "0.3 to 0.45": 1, "1.8 and more": 2
    }  # fmt: skip


def album(vectors: np.ndarray, photos: list[int], files: list[int | None], owners: list[int]) -> dict[str, pa.Table]:
    """Faces of photos; photo k is file `files[k]` in the album of `owners[k]`."""
    hashes = pa.array([None if file is None else file.to_bytes(16, "big") for file in files], pa.binary(16))
    return {
        "faces": pa.table(
            {"photo_id": photos, "face": pa.array(range(len(photos)), pa.int16()), "embedding": pack_vectors(vectors)}
        ),
        "seen": pa.table({"photo_id": range(len(files)), "content_hash": hashes}),
        "members": pa.table({"user_id": [owners[photo] for photo in photos], "photo_id": photos}),
    }


@pytest.mark.parametrize(
    ("rows", "photos", "files", "owners", "repeated"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [5, 5, 5, 5], 0),
        ([0, 0, 0, 1], [0, 1, 2, 3], [0, 1, 2, 3], [5, 5, 5, 5], 3),  # three files, one vector
        ([0, 0, 0, 1], [0, 1, 2, 3], [7, 7, 7, 3], [5, 5, 5, 5], 0),  # one file posted three times
        ([0, 0, 0, 1], [0, 1, 2, 3], [None] * 4, [5, 5, 5, 5], 0),  # nobody knows
        ([0, 0, 1, 2], [0, 0, 1, 2], [0, 1, 2], [5, 5, 5], 2),  # two faces of one photo
        ([0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2], [5, 5, 5], 3),  # both at once, each face once
        ([0, 0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3], [5, 6, 5, 6], 0),  # other albums
    ],
)
def test_faces_that_must_differ_and_do_not_are_counted(
    rows: list[int], photos: list[int], files: list[int | None], owners: list[int], repeated: int
) -> None:
    assert count_repeated(**album(np.eye(4)[rows], photos, files, owners)) == repeated
