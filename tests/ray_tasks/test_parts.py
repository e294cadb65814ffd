"""Tiny parts of several buckets are looked at together, large ones alone, and no photo is lost or mixed up."""

from __future__ import annotations

import numpy as np
import pytest

from ray_tasks.parts import PHOTOS_A_BUNDLE, Part, PhotoList, bundle, join_photos


def part(bucket: int, photos: int) -> Part:
    ids = 1000 * bucket + np.arange(photos, dtype=np.int64)
    return Part("embed", bucket, f"{bucket:032d}", PhotoList(ids, ids % 3, [f"{each}.jpg" for each in ids.tolist()]))


def sizes(counts: list[int], detectors: int) -> list[list[int]]:
    return [
        [len(each.photos) for each in found] for found in bundle([part(k, n) for k, n in enumerate(counts)], detectors)
    ]


@pytest.mark.parametrize(
    ("counts", "detectors", "wanted"),
    [
        ([], 2, []),
        ([3, 1, 2, 1, 1], 2, [[1], [2, 1, 1], [3]]),
        ([1] * 12, 2, [[1] * 6] * 2),
        ([1] * 12, 1, [[1] * 12]),
        ([500, 211, 64], 2, [[64], [211], [500]]),
        ([200, 40, 20, 10], 2, [[10], [40, 20], [200]]),
        ([1], 8, [[1]]),
    ],
)
def test_tiny_parts_go_together(counts: list[int], detectors: int, wanted: list[list[int]]) -> None:
    assert sizes(counts, detectors) == wanted


def test_a_bundle_is_never_larger_than_its_bound_unless_one_part_is() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        counts = rng.integers(1, 90, rng.integers(1, 30)).tolist()
        found = sizes(counts, int(rng.integers(1, 9)))
        assert sorted(n for each in found for n in each) == sorted(counts)
        assert all(sum(each) <= PHOTOS_A_BUNDLE or len(each) == 1 for each in found)
        assert [each[0] for each in found] == sorted(each[0] for each in found)  # the last, taken first, is the largest


def test_photos_of_parts_are_joined_in_order() -> None:
    joined = join_photos([part(2, 2), part(1, 1)])
    assert joined.photo_ids.tolist() == [2000, 2001, 1000]
    assert joined.versions.tolist() == [2000 % 3, 2001 % 3, 1000 % 3]
    assert joined.uris == ["2000.jpg", "2001.jpg", "1000.jpg"]
