"""Exact sums and histograms of one bucket that add up to the same answer however the users are divided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.tables import unpack_vectors

NORM_STEPS = 1024  # norms are summed in steps of 1/1024: integers add up alike in any order
MAX_NORM = 1024.0  # larger norms are degenerate: networks of the registry give 1 to 40
UNIT_TOLERANCE = 0.01  # float16 keeps the length of a unit vector to about 0.001
ROWS = 1 << 20  # rows a step, so that integer squares stay within 64 bits
BINS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)  # lower edges; the last bin is open


def count_values(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each text occurs, by text; nulls as "unknown"."""
    counts = pc.value_counts(column.fill_null("unknown"))
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return dict(sorted(pairs))


def histogram(values: npt.NDArray[np.integer]) -> list[int]:
    """Counts of whole numbers >= 0 in `BINS`."""
    place = np.searchsorted(BINS, values, side="right") - 1
    return [int(count) for count in np.bincount(place, minlength=len(BINS))]


def bin_names() -> list[str]:
    """What the bins hold: "1", "2-3", …, "256+"."""
    names = [str(a) if b == a + 1 else f"{a}–{b - 1}" for a, b in pairwise(BINS)]
    return [*names, f"{BINS[-1]}+"]


def tally_norms(faces: pa.Table) -> dict[str, int]:
    """Integer sums of the raw norms, and the degenerate vectors: NaN, zero, not of unit length, or a norm that is."""
    total = squares = counted = degenerate = 0
    for start in range(0, faces.num_rows, ROWS):
        part = faces.slice(start, ROWS)
        vectors = unpack_vectors(part["embedding"])
        length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float32))
        norm = np.asarray(part["norm"].cast(pa.float64()).fill_null(np.nan))
        fine = (np.abs(length - 1) <= UNIT_TOLERANCE) & (norm > 0) & (norm <= MAX_NORM)
        steps = np.rint(norm[fine] * NORM_STEPS).astype(np.int64)
        total += int(steps.sum())
        squares += int((steps * steps).sum())
        counted += len(steps)
        degenerate += int(np.count_nonzero(~fine))
    return {"faces": faces.num_rows, "fine": counted, "degenerate": degenerate, "sum": total, "squares": squares}


def norm_summary(tally: Mapping[str, int]) -> dict[str, Any]:
    """Mean and standard deviation of the raw norms of sound faces (None without any), and the degenerate count."""
    mean = spread = None
    if count := tally["fine"]:
        mean = tally["sum"] / count / NORM_STEPS
        variance = (tally["squares"] * count - tally["sum"] ** 2) / count**2
        spread = variance**0.5 / NORM_STEPS
    return {"faces": tally["faces"], "degenerate": tally["degenerate"], "mean": mean, "sd": spread}


def add_counts(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sum dictionaries of counts, by key."""
    total: dict[str, int] = {}
    for part in parts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return dict(sorted(total.items()))


def add_lists(parts: Iterable[list[int]], length: int) -> list[int]:
    """Sum lists of counts of one length, place by place."""
    total = [0] * length
    for part in parts:
        total = [one + other for one, other in zip(total, part, strict=True)]
    return total
