"""Levels of the pyramid equal PyTorch's own area resampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.detection import pyramid
from profiling.detection.pyramid import draw_level, plan_levels, sum_areas
from profiling.settings import DetectionSettings


@settings(deadline=None)
@given(height=st.integers(1, 2000), width=st.integers(1, 2000), min_face=st.integers(12, 200))
def test_levels_shrink_until_the_shorter_side_is_one_cell(height: int, width: int, min_face: int) -> None:
    levels = plan_levels(height, width, DetectionSettings(min_face=min_face))
    assert bool(levels) == (min(height, width) >= min_face)
    sizes = [(level.height, level.width) for level in levels]
    assert sizes == sorted(sizes, reverse=True)
    assert all(min(size) >= 12 for size in sizes)
    assert all(side % 2 == 0 for level in levels for side in level.canvas)


@pytest.mark.parametrize("shape", [(20, 1024), (97, 61), (240, 321)])
def test_a_level_equals_area_resampling(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid, "CACHED", 5000)  # several portions of rows, the last one smaller
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    for level in plan_levels(*shape, DetectionSettings()):
        image = (pixels.permute(2, 0, 1)[None].double() - 127.5) / 128
        expected = F.interpolate(image, size=(level.height, level.width), mode="area").float()
        drawn = torch.full((level.height, level.width, 3), 9.0)
        draw_level(sum_areas(pixels), level, drawn)
        torch.testing.assert_close(drawn.permute(2, 0, 1)[None], expected, atol=1e-5, rtol=0)


def test_the_table_holds_the_sums_of_three_colours() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    sums = sum_areas(torch.from_numpy(pixels)).numpy().view(np.int32)
    assert not sums[0].any()
    assert not sums[:, 0].any()
    assert not sums[..., 3].any()
    np.testing.assert_array_equal(sums[1:, 1:, :3], pixels.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32))
