"""Every cell of every level is whole on the sheet, in exactly one band, and scored as on a canvas of its own."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.detection import pyramid, sheet
from profiling.detection.networks import load_networks
from profiling.detection.pyramid import draw_level, plan_levels, sum_areas
from profiling.detection.sheet import GRID, draw_bands, plan_sheet
from profiling.settings import DetectionSettings
from profiling.weights import load_mtcnn, prepare_weights


def levels_of(height: int, width: int) -> tuple[pyramid.Level, ...]:
    return tuple(plan_levels(height, width, DetectionSettings()))


@settings(deadline=None)
@given(height=st.integers(20, 1500), width=st.integers(20, 1500))
def test_levels_lie_on_the_sheet_side_by_side(height: int, width: int) -> None:
    plan = plan_sheet(levels_of(height, width))
    taken = np.zeros((plan.height // 2, plan.width // 2), int)  # all places are even
    for place in plan.places:
        assert place.top % 2 == place.left % 2 == 0
        high, wide = place.level.canvas
        assert place.top + high <= plan.height
        assert place.left + wide <= plan.width
        taken[place.top // 2 : (place.top + high) // 2, place.left // 2 : (place.left + wide) // 2] += 1
    assert taken.max() == 1
    assert plan.band % GRID == plan.width % GRID == 0


def test_a_large_photo_is_cut_into_bands_of_bounded_size() -> None:
    plan = plan_sheet(levels_of(1024, 768))
    assert plan.bands > 1
    assert plan.band * plan.width < sheet.BAND_PIXELS + GRID * plan.width
    empty = 1 - sum(place.level.height * place.level.width for place in plan.places) / (plan.height * plan.width)
    assert empty < 0.2


def test_p_net_answers_on_the_sheet_as_on_each_level_alone() -> None:
    prepare_weights()
    network = load_networks(load_mtcnn(), torch.device("cpu"), torch.float32)[0]
    sums = sum_areas(np.random.default_rng(2).integers(0, 256, (601, 640, 3), dtype=np.uint8))
    plan = plan_sheet(levels_of(601, 640))
    assert plan.bands > 1
    with torch.inference_mode():
        whole = torch.cat([network(band)[0] for band in draw_bands(sums, plan)], 1)
        for place in plan.places:
            high, wide = place.level.canvas
            canvas = torch.zeros((high, wide, 3))
            draw_level(sums, place.level, canvas.numpy()[: place.level.height, : place.level.width])
            alone = network(canvas.permute(2, 0, 1)[None])[0]
            top, left = place.top // 2, place.left // 2
            there = whole[:, top : top + alone.shape[1], left : left + alone.shape[2]]
            torch.testing.assert_close(there, alone, atol=1e-5, rtol=1e-5)
