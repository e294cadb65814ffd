"""Detections meet true faces: by hand, against a slow search, in any order of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.evaluation.matching import MIN_OVERLAP, intersection_over_union, match_faces

Box = tuple[float, float, float, float]
boxes = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(1, 5)] * 2).map(lambda box: tuple(v / 10 for v in box))
photos = st.dictionaries(
    st.sampled_from([1, 2, 2**63 - 1]), st.tuples(st.lists(boxes, max_size=5), st.lists(boxes, max_size=5)), max_size=3
)


def tables(world: dict[int, tuple[list[Box], list[Box]]]) -> tuple[pa.Table, pa.Table, pa.Table]:
    faces = [(photo, face, *box) for photo, (found, _) in world.items() for face, box in enumerate(found)]
    truth = [(photo, 10 + n, *box) for photo, (_, true) in world.items() for n, box in enumerate(true)]

    def table(rows: list[tuple[float, ...]], second: str, kind: pa.DataType) -> pa.Table:
        columns = list(zip(*rows, strict=True)) or [()] * 6
        types = [pa.int64(), kind, *[pa.float32()] * 4]
        names = ["photo_id", second, "x", "y", "w", "h"]
        return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})

    seen = pa.table({"photo_id": pa.array(list(world), pa.int64())})
    return table(faces, "face", pa.int16()), seen, table(truth, "person_id", pa.int64())


def slow_overlap(one: Box, other: Box) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0.0, wide) * max(0.0, high)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def person_by_face(matches: pa.Table) -> dict[tuple[int, int], int | None]:
    rows = zip(*(matches[name].to_pylist() for name in ("photo_id", "face", "person_id")), strict=True)
    return {(photo, face): person for photo, face, person in rows}


@settings(deadline=None, max_examples=50)
@given(photos)
def test_matches_are_those_of_a_slow_greedy_search(world: dict[int, tuple[list[Box], list[Box]]]) -> None:
    found = person_by_face(match_faces(*tables(world)))
    for photo, (detections, true) in world.items():
        if any(abs(slow_overlap(d, t) - MIN_OVERLAP) < 1e-6 for d in detections for t in true):
            continue  # float32 and float64 may differ on which side of the limit it lies
        left = {(i, j) for i in range(len(detections)) for j in range(len(true))}
        overlaps = []
        while left:
            best = max(left, key=lambda pair: slow_overlap(detections[pair[0]], true[pair[1]]))
            if slow_overlap(detections[best[0]], true[best[1]]) < MIN_OVERLAP:
                break
            overlaps.append(slow_overlap(detections[best[0]], true[best[1]]))
            left = {(i, j) for i, j in left if i != best[0] and j != best[1]}
        people = [found[photo, face] for face in range(len(detections))]
        named = [person for person in people if person is not None]
        assert len(named) == len(set(named))
        got = [
            slow_overlap(detections[face], true[person - 10])
            for face, person in enumerate(people)
            if person is not None
        ]
        assert all(overlap >= MIN_OVERLAP - 1e-6 for overlap in got)
        if len({round(slow_overlap(d, t), 5) for d in detections for t in true}) == len(detections) * len(true):
            assert sorted(got) == pytest.approx(sorted(overlaps), abs=1e-5)


@settings(deadline=None, max_examples=50)
@given(photos, st.integers(0, 2**32))
def test_order_of_rows_does_not_matter(world: dict[int, tuple[list[Box], list[Box]]], seed: int) -> None:
    faces, seen, truth = tables(world)
    rng = np.random.default_rng(seed)
    mixed = match_faces(faces.take(rng.permutation(faces.num_rows)), seen, truth.take(rng.permutation(truth.num_rows)))
    assert mixed.equals(match_faces(faces, seen, truth))


def test_better_overlap_wins_whatever_the_number() -> None:
    true = (0.2, 0.2, 0.4, 0.4)
    world = {1: ([(0.25, 0.2, 0.4, 0.4), true, (0.8, 0.8, 0.1, 0.1)], [true])}
    assert person_by_face(match_faces(*tables(world))) == {(1, 0): None, (1, 1): 10, (1, 2): None}


def test_true_faces_of_photos_that_were_never_seen_meet_nobody() -> None:
    faces, seen, truth = tables({1: ([(0.1, 0.1, 0.2, 0.2)], [(0.1, 0.1, 0.2, 0.2)])})
    assert match_faces(faces, seen.slice(0, 0), truth)["person_id"].to_pylist() == [None]


def test_boxes_without_area_overlap_nothing() -> None:
    flat = np.array([[0.1, 0.1, 0.0, 0.0]])
    assert intersection_over_union(flat, flat).tolist() == [0.0]
