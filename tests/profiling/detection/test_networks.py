"""Our pooling, our PReLU and our convolutions are PyTorch's, faster."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from profiling.detection.networks import _convolve, _pool, _rectify


@pytest.mark.parametrize("side", [3, 4, 9, 22, 46])
def test_pooling_equals_pytorchs_with_partial_windows(side: int) -> None:
    maps = torch.randn(2, 5, side, side + 1).contiguous(memory_format=torch.channels_last)
    pooled = _pool(maps)
    assert torch.equal(pooled, F.max_pool2d(maps, 3, 2, ceil_mode=True))
    assert pooled.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rectifying_by_rows_equals_pytorchs(dtype: torch.dtype) -> None:
    maps = torch.randn(2, 10, 7, 9, dtype=dtype).contiguous(memory_format=torch.channels_last)
    slopes = torch.linspace(-1.3, 1.1, 10, dtype=dtype)
    found = _rectify(maps, slopes)
    assert torch.equal(found, F.prelu(maps, slopes))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(_rectify(maps.contiguous(), slopes), found)


def test_layers_asked_together_answer_side_by_side() -> None:
    one, other, maps = nn.Conv2d(6, 2, 1), nn.Conv2d(6, 4, 1), torch.randn(1, 6, 7, 9)
    with torch.inference_mode():
        torch.testing.assert_close(_convolve(maps, one, other), torch.cat([one(maps), other(maps)], 1))


def test_a_small_map_has_the_same_bits_with_any_number_of_threads() -> None:
    layer, maps = nn.Conv2d(16, 6, 1), torch.randn(1, 16, 9, 9)
    threads, found = torch.get_num_threads(), []
    try:
        with torch.inference_mode():
            for number in (1, 2, 3):
                torch.set_num_threads(number)
                found.append(_convolve(maps, layer))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
