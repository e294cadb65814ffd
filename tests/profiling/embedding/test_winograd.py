"""Winograd's method gives the convolution, to the rounding that its transforms add."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from profiling.embedding.winograd import WinogradConvolution


def _random(side: int) -> tuple[nn.Conv2d, torch.Tensor]:
    torch.manual_seed(side)
    plain = nn.Conv2d(6, 10, 3, padding=1)
    return plain, torch.randn(3, 6, side, side).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("side", [1, 3, 4, 5, 8, 17])
def test_maps_of_any_size_equal_the_convolution(side: int) -> None:
    plain, x = _random(side)
    with torch.inference_mode():
        wanted = plain.double()(x.double())
        found = WinogradConvolution(plain.float(), side)(x)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(found.double(), wanted, atol=1e-5)


def test_a_residual_block_ends_with_the_sum_and_relu() -> None:
    plain, x = _random(8)
    other = torch.randn(3, 10, 8, 8)
    with torch.inference_mode():
        wanted = (plain(x) + other).relu()
        assert torch.allclose(WinogradConvolution(plain, 8, relu=True).plus(x, other), wanted, atol=1e-5)
        assert torch.allclose(WinogradConvolution(plain, 8, relu=True)(x), plain(x).relu(), atol=1e-5)
