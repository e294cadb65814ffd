"""Detections and true faces of one photo, one to one, best overlap first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MIN_OVERLAP = 0.4  # intersection over union: the truth's boxes are drawn by another rule than the detector's

Boxes = npt.NDArray[np.float64]


def match_faces(faces: pa.Table, seen: pa.Table, truth_faces: pa.Table) -> pa.Table:
    """Give each detection the person whose true box it covers.

    Pairs of one photo with an intersection over union of at least `MIN_OVERLAP` are taken greedily, largest first;
    each detection and each true face is used once. Ties go to the smaller face number, then to the true face that
    comes first by box and person, so the answer does not depend on the order of rows.

    Parameters
    ----------
    faces : table `faces` (columns photo_id, face, x, y, w, h are read; boxes relative to the photo).
    seen : table `seen`; true faces of photos that were never looked at are left out.
    truth_faces : photo_id, person_id, x, y, w, h.

    Returns
    -------
    table of one row a detection, sorted by photo_id, face: photo_id, face, person_id (null = no true face).
    """
    faces = faces.select(["photo_id", "face", "x", "y", "w", "h"]).sort_by(
        [("photo_id", "ascending"), ("face", "ascending")]
    )
    looked_at = pc.is_in(truth_faces["photo_id"], value_set=pc.unique(seen["photo_id"]))
    truth = truth_faces.filter(looked_at).sort_by(
        [(name, "ascending") for name in ("photo_id", "x", "y", "w", "h", "person_id")]
    )
    detection, true = _pairs(np.asarray(faces["photo_id"]), np.asarray(truth["photo_id"]))
    overlap = intersection_over_union(_boxes(faces)[detection], _boxes(truth)[true])
    near = overlap >= MIN_OVERLAP
    taken = pair_best_first(detection[near], true[near], overlap[near])
    person = np.zeros(faces.num_rows, np.int64)
    unknown = np.ones(faces.num_rows, np.bool_)
    truth_person = np.asarray(truth["person_id"])
    for face, target in taken:
        person[face], unknown[face] = truth_person[target], False
    return pa.table(
        {"photo_id": faces["photo_id"], "face": faces["face"], "person_id": pa.array(person, mask=unknown)},
    )


def intersection_over_union(one: Boxes, other: Boxes) -> npt.NDArray[np.float64]:
    """Overlap of boxes [n, 4] (x, y, width, height) pairwise, 0 to 1; boxes without area overlap nothing."""
    low = np.maximum(one[:, :2], other[:, :2])
    high = np.minimum(one[:, :2] + one[:, 2:], other[:, :2] + other[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    union = one[:, 2:].prod(axis=1) + other[:, 2:].prod(axis=1) - common
    result = np.zeros(len(common))
    np.divide(common, union, out=result, where=union > 0)
    return result


def _boxes(table: pa.Table) -> Boxes:
    columns = [np.asarray(table[name], dtype=np.float64) for name in ("x", "y", "w", "h")]
    return np.stack(columns, axis=1)


def _pairs(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], ...]:
    """All index pairs (i, j) with left[i] == right[j]; `right` is sorted."""
    start, stop = np.searchsorted(right, left, "left"), np.searchsorted(right, left, "right")
    count = stop - start
    first = np.repeat(np.arange(len(left)), count)
    step = np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    return first, np.repeat(start, count) + step


def pair_best_first(
    detection: npt.NDArray[np.intp], true: npt.NDArray[np.intp], overlap: npt.NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Pairs taken greedily by overlap, largest first, each detection and each true face once; all arrays [pairs]."""
    used_detections: set[int] = set()
    used_truth: set[int] = set()
    taken = []
    for pair in np.lexsort((true, detection, -overlap)):
        face, target = int(detection[pair]), int(true[pair])
        if face not in used_detections and target not in used_truth:
            used_detections.add(face)
            used_truth.add(target)
            taken.append((face, target))
    return taken
