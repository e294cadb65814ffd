"""Crops equal adaptive average pooling of the padded square, wherever the square lies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.detection.crops import cut_crops, square_up
from profiling.detection.pyramid import sum_areas
from tests.profiling.detection.slow_mtcnn import crop_slowly, square_slowly

PHOTO = np.random.default_rng(3).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@settings(deadline=None)
@given(left=st.integers(-90, 90), top=st.integers(-90, 90), side=st.integers(1, 120), size=st.sampled_from([24, 48]))
def test_crops_equal_pooling_of_the_padded_square(left: int, top: int, side: int, size: int) -> None:
    crop = cut_crops(sum_areas(torch.from_numpy(PHOTO)), np.array([[left, top, side]]), size)
    torch.testing.assert_close(crop[0].permute(2, 0, 1), crop_slowly(PHOTO, left, top, side, size), atol=1e-5, rtol=0)


def test_a_crop_outside_the_photo_is_mid_grey() -> None:
    assert not cut_crops(sum_areas(torch.from_numpy(PHOTO)), np.array([[200, 200, 30], [-50, 3, 40]]), 24).any()


def test_crops_of_a_photo_whose_sums_overflow_are_right() -> None:
    white = torch.full((4200, 2100, 3), 255, dtype=torch.uint8)  # 2.2e9 > 2**31
    crops = cut_crops(sum_areas(white), np.array([[1900, 3900, 200], [0, 0, 2100]]), 24)
    torch.testing.assert_close(crops, torch.full_like(crops, 127.5 / 128))


@settings(deadline=None)
@given(st.lists(st.floats(-200, 200, width=32), min_size=4, max_size=4))
def test_squares_keep_centre_and_longer_side(edges: list[float]) -> None:
    x0, x1 = sorted(edges[:2])
    y0, y1 = sorted(edges[2:])
    box = np.array([[x0, y0, x1, y1]], np.float32)
    left, top, side = square_up(box)[0]
    assert (left, top, side) == square_slowly(box[0])
    assert abs(left + side / 2 - (x0 + x1) / 2) <= 0.51
    assert abs(top + side / 2 - (y0 + y1) / 2) <= 0.51
    assert side == pytest.approx(max(x1 - x0, y1 - y0, 1), abs=0.51)


def test_no_boxes_are_no_squares_and_no_crops() -> None:
    squares = square_up(np.zeros((0, 4), np.float32))
    assert squares.shape == (0, 3)
    assert cut_crops(sum_areas(torch.from_numpy(PHOTO)), squares, 24).shape == (0, 24, 24, 3)
