"""Every cell of every level is whole on a sheet, and scored as on a canvas of its own."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.detection import pyramid
from profiling.detection.networks import load_networks
from profiling.detection.pyramid import draw_level, plan_levels, sum_areas
from profiling.detection.sheet import OWN_GRID, OWN_PIXELS, draw_sheet, plan_sheets
from profiling.settings import DetectionSettings
from profiling.weights import load_mtcnn, prepare_weights


def levels_of(height: int, width: int) -> tuple[pyramid.Level, ...]:
    return tuple(plan_levels(height, width, DetectionSettings()))


@settings(deadline=None)
@given(height=st.integers(20, 1500), width=st.integers(20, 1500))
def test_levels_lie_on_sheets_side_by_side(height: int, width: int) -> None:
    levels = levels_of(height, width)
    sheets = plan_sheets(levels)
    assert tuple(place.level for sheet in sheets for place in sheet.places) == levels
    for sheet in sheets:
        taken = np.zeros((sheet.height // 2, sheet.width // 2), int)  # all places are even
        for place in sheet.places:
            assert place.top % 2 == place.left % 2 == 0
            high, wide = place.level.canvas
            assert place.top + high <= sheet.height
            assert place.left + wide <= sheet.width
            taken[place.top // 2 : (place.top + high) // 2, place.left // 2 : (place.left + wide) // 2] += 1
        assert taken.max() == 1
        assert sheet.height % OWN_GRID == sheet.width % OWN_GRID == 0


def test_large_levels_have_sheets_of_their_own_and_little_stays_empty() -> None:
    sheets = plan_sheets(levels_of(1024, 768))
    assert [len(sheet.places) for sheet in sheets[:-1]] == [1, 1, 1]
    assert all(place.level.height * place.level.width < OWN_PIXELS for place in sheets[-1].places)
    levels = sum(level.height * level.width for level in levels_of(1024, 768))
    assert levels > 0.92 * sum(sheet.height * sheet.width for sheet in sheets)


def test_p_net_answers_on_a_sheet_as_on_each_level_alone() -> None:
    prepare_weights()
    network = load_networks(load_mtcnn(), torch.device("cpu"), torch.float32)[0]
    sums = sum_areas(np.random.default_rng(2).integers(0, 256, (601, 640, 3), dtype=np.uint8))
    with torch.inference_mode():
        for sheet in plan_sheets(levels_of(601, 640)):
            whole = network(draw_sheet(sums, sheet))[0]
            for place in sheet.places:
                high, wide = place.level.canvas
                canvas = torch.zeros((high, wide, 3))
                draw_level(sums, place.level, canvas.numpy()[: place.level.height, : place.level.width])
                alone = network(canvas.permute(2, 0, 1)[None])[0]
                top, left = place.top // 2, place.left // 2
                there = whole[:, top : top + alone.shape[1], left : left + alone.shape[2]]
                torch.testing.assert_close(there, alone, atol=1e-5, rtol=1e-5)
