"""Crops equal adaptive average pooling of the padded square, wherever the square lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.detection.crops import cut_crops, square_up
from profiling.detection.pyramid import sum_areas
from tests.profiling.detection.slow_mtcnn import crop_slowly, square_slowly

PHOTO = np.random.default_rng(3).integers(0, 256, (37, 53, 3), dtype=np.uint8)


def cut(pixels: np.ndarray, squares: list[list[int]], size: int, kind: Any = np.asarray) -> torch.Tensor:
    """Crops of a photo whose table is NumPy's or PyTorch's: float32 [n, size, size, 3]."""
    sums, crops = sum_areas(kind(pixels)), torch.full((len(squares), size, size, 3), 9.0)
    places = np.array(squares, np.int64).reshape(-1, 3)
    cut_crops(sums, places, crops if isinstance(sums, torch.Tensor) else crops.numpy())
    return crops


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@settings(deadline=None)
@given(left=st.integers(-90, 90), top=st.integers(-90, 90), side=st.integers(1, 120), size=st.sampled_from([24, 48]))
def test_crops_equal_pooling_of_the_padded_square(left: int, top: int, side: int, size: int, kind: Any) -> None:
    crop = cut(PHOTO, [[left, top, side]], size, kind)[0]
    torch.testing.assert_close(crop.permute(2, 0, 1), crop_slowly(PHOTO, left, top, side, size), atol=1e-5, rtol=0)


def test_a_crop_outside_the_photo_is_mid_grey() -> None:
    assert not cut(PHOTO, [[200, 200, 30], [-50, 3, 40]], 24).any()


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_crops_of_a_photo_whose_sums_overflow_are_right(kind: Any) -> None:
    white = np.full((5200, 2600, 3), 255, np.uint8)  # 3.4e9 > 2**21 many times over; bins of 109 * 109 > BIN
    crops = cut(white, [[1900, 3900, 200], [0, 0, 2600]], 24, kind)
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
    assert cut(PHOTO, squares.tolist(), 24).shape == (0, 24, 24, 3)
