"""Levels of the pyramid equal PyTorch's own area resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.detection import pyramid
from profiling.detection.pyramid import draw_level, plan_levels, sum_areas
from profiling.settings import DetectionSettings


def resampled(pixels: np.ndarray, level: pyramid.Level) -> torch.Tensor:
    """What PyTorch makes of a photo: float32 [level.height, level.width, 3]."""
    image = (torch.from_numpy(pixels).permute(2, 0, 1)[None].double() - 127.5) / 128
    return F.interpolate(image, size=(level.height, level.width), mode="area")[0].permute(1, 2, 0).float()


@settings(deadline=None)
@given(height=st.integers(1, 2000), width=st.integers(1, 2000), min_face=st.integers(12, 200))
def test_levels_shrink_until_the_shorter_side_is_one_cell(height: int, width: int, min_face: int) -> None:
    levels = plan_levels(height, width, DetectionSettings(min_face=min_face))
    assert bool(levels) == (min(height, width) >= min_face)
    sizes = [(level.height, level.width) for level in levels]
    assert sizes == sorted(sizes, reverse=True)
    assert all(min(size) >= 12 for size in sizes)
    assert all(side % 2 == 0 for level in levels for side in level.canvas)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("shape", [(20, 1024), (97, 61), (240, 321)])
def test_a_level_equals_area_resampling(shape: tuple[int, int], kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid, "CACHED", 5000)  # several portions of rows, the last one smaller
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    sums = sum_areas(kind(pixels))
    for level in plan_levels(*shape, DetectionSettings()):
        drawn = torch.full((level.height, level.width, 3), 9.0)
        draw_level(sums, level, drawn if isinstance(sums, torch.Tensor) else drawn.numpy())
        torch.testing.assert_close(drawn, resampled(pixels, level), atol=1e-5, rtol=0)


def test_a_level_of_bins_that_hold_more_than_a_difference_may_is_right() -> None:
    pixels = np.full((2600, 1300, 3), 255, np.uint8)
    pixels[1300:] = np.random.default_rng(4).integers(0, 256, (1300, 1300, 3), dtype=np.uint8)
    level = pyramid.Level(24, 12)
    assert pyramid.BIN < (2600 // 24) * (1300 // 12)
    drawn = np.zeros((24, 12, 3), np.float32)
    draw_level(sum_areas(pixels), level, drawn)
    torch.testing.assert_close(torch.from_numpy(drawn), resampled(pixels, level), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_the_table_holds_the_sums_of_three_colours(kind: Any) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    sums = np.asarray(sum_areas(kind(pixels)))
    assert not sums[0].any()
    assert not sums[:, 0].any()
    wanted = pixels.astype(np.int64).cumsum(0).cumsum(1)
    for channel in range(3):
        np.testing.assert_array_equal(sums[1:, 1:] >> (21 * channel) & (2**21 - 1), wanted[..., channel])
