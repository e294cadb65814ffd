"""Exact sums and histograms of one bucket that add up to the same answer however the users are divided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.vectors import unpack_vectors

NORM_STEPS = 1024  # norms are summed in steps of 1/1024: integers add up alike in any order
MAX_NORM = 1024.0  # larger norms are degenerate: networks of the registry give 1 to 40
DEGENERATE = ("nan", "zero", "length", "norm")  # what can be wrong with a face's vector
UNIT_TOLERANCE = 0.01  # float16 keeps the length of a unit vector to about 0.001
ROWS = 1 << 20  # rows a step, so that integer squares stay within 64 bits
MARGIN_EDGES = tuple(round(0.15 * step, 2) for step in range(13))  # 0 to 1.8; no margin below .15 is ever asked
WEIGHT_EDGES = tuple(round(-1.25 + 0.25 * step, 2) for step in range(13))  # 1 is an owner, -1 is none
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


def spread_histogram(values: npt.NDArray[np.float64], edges: Sequence[float]) -> list[int]:
    """Counts of numbers below the first edge, between the edges (the lower one belongs) and from the last one on.

    Numbers are rounded to float32 first, as tables keep them; NaN counts nowhere.
    """
    known = values[~np.isnan(values)].astype(np.float32)
    place = np.searchsorted(np.asarray(edges, np.float32), known, side="right")
    return [int(count) for count in np.bincount(place, minlength=len(edges) + 1)]


def edge_names(edges: Sequence[float]) -> list[str]:
    """What the bins of `spread_histogram` hold: "below 0", "0 to 0.15", …, "1.8 and more"."""
    texts = [f"{edge:g}".replace("-", "−") for edge in edges]
    return [f"below {texts[0]}", *(f"{one} to {other}" for one, other in pairwise(texts)), f"{texts[-1]} and more"]


def bin_names() -> list[str]:
    """What the bins hold: "1", "2-3", …, "256+"."""
    names = [str(a) if b == a + 1 else f"{a}–{b - 1}" for a, b in pairwise(BINS)]
    return [*names, f"{BINS[-1]}+"]


def tally_norms(faces: pa.Table) -> dict[str, int]:
    """Integer sums of the raw norms, and the degenerate vectors by what is wrong with them.

    `nan` holds NaN or infinity, `zero` nothing but zeros, `length` is not of unit length, `norm` has a raw norm that
    is missing, not positive or beyond `MAX_NORM`; each face counts once, under the first of these.
    """
    total = squares = 0
    wrong = dict.fromkeys(DEGENERATE, 0)
    for start in range(0, faces.num_rows, ROWS):
        part = faces.slice(start, ROWS)
        vectors = unpack_vectors(part["embedding"])
        length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float32))
        norm = np.asarray(part["norm"].cast(pa.float64()).fill_null(np.nan))
        fine = np.ones(len(part), np.bool_)
        sound = (np.isfinite(length), length > 0, np.abs(length - 1) <= UNIT_TOLERANCE, (norm > 0) & (norm <= MAX_NORM))
        for name, passed in zip(DEGENERATE, sound, strict=True):
            wrong[name] += int(np.count_nonzero(fine & ~passed))
            fine &= passed
        steps = np.rint(norm[fine] * NORM_STEPS).astype(np.int64)
        total += int(steps.sum())
        squares += int((steps * steps).sum())
    fine_faces = faces.num_rows - sum(wrong.values())
    return {"faces": faces.num_rows, "fine": fine_faces, "sum": total, "squares": squares, **wrong}


def count_repeated(faces: pa.Table, seen: pa.Table, members: pa.Table) -> int:
    """Faces whose vector is, bit for bit, that of another face of the album that must differ.

    Two faces of one photo must, and faces of photos whose files differ; the same file posted twice may repeat. Only
    albums are searched, so the answer does not depend on the division into buckets.
    """
    by_photo = pa.table({"photo_id": seen["photo_id"], "file": seen["content_hash"]})
    owners = members.select(["user_id", "photo_id"]).group_by(["user_id", "photo_id"]).aggregate([])
    table = faces.select(["photo_id", "face", "embedding"]).join(owners, "photo_id", join_type="inner")
    table = table.join(by_photo, "photo_id", join_type="left outer")
    alike = table.group_by(["user_id", "embedding"]).aggregate([("face", "count"), ("file", "count_distinct")])
    same = table.group_by(["user_id", "embedding", "photo_id"]).aggregate([("face", "count")])
    within = same.filter(pc.greater(same["face_count"], 1))
    across = alike.filter(pc.greater(alike["file_count_distinct"], 1))
    both = within.join(across, ["user_id", "embedding"], join_type="left anti")
    return (pc.sum(across["face_count"]).as_py() or 0) + (pc.sum(both["face_count"]).as_py() or 0)


def norm_summary(tally: Mapping[str, int]) -> dict[str, Any]:
    """Mean and standard deviation of the raw norms of sound faces (None without any), and the degenerate counts."""
    mean = spread = None
    if count := tally["fine"]:
        mean = tally["sum"] / count / NORM_STEPS
        variance = (tally["squares"] * count - tally["sum"] ** 2) / count**2
        spread = variance**0.5 / NORM_STEPS
    wrong = {name: tally[name] for name in DEGENERATE}
    return {"faces": tally["faces"], "degenerate": sum(wrong.values()), "by_fault": wrong, "mean": mean, "sd": spread}


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
