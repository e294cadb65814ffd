"""Winograd's method gives the convolution, to the rounding that its transforms add."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from profiling.embedding.winograd import WinogradConvolution, cook_toom


def _random(side: int) -> tuple[nn.Conv2d, torch.Tensor]:
    torch.manual_seed(side)
    plain = nn.Conv2d(6, 10, 3, padding=1)
    return plain, torch.randn(3, 6, side, side).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("tile", [4, 6])
@pytest.mark.parametrize("side", [1, 3, 4, 5, 6, 8, 17])
def test_maps_of_any_size_equal_the_convolution(side: int, tile: int) -> None:
    plain, x = _random(side)
    with torch.inference_mode():
        wanted = plain.double()(x.double())
        found = WinogradConvolution(plain.float(), side, tile=tile)(x)
    assert torch.allclose(found.double(), wanted, atol=2e-5)


@pytest.mark.parametrize("tile", [4, 6])
def test_a_residual_block_ends_with_the_sum_and_relu_whatever_the_layouts(tile: int) -> None:
    plain, x = _random(8)
    other = torch.randn(3, 10, 8, 8)
    with torch.inference_mode():
        wanted = (plain(x) + other).relu()
        layer = WinogradConvolution(plain, 8, relu=True, tile=tile)
        assert torch.allclose(layer.plus(x, other), wanted, atol=2e-5)
        assert torch.allclose(layer(x), plain(x).relu(), atol=2e-5)
        assert torch.equal(layer(layer(x)[:, :6].contiguous()), layer(layer(x)[:, :6]))


@pytest.mark.parametrize("tile", [2, 4, 6])
def test_the_transforms_filter_any_signal(tile: int) -> None:
    taken, kernel, given = cook_toom(tile)
    random = np.random.default_rng(tile)
    signal, three = random.normal(size=tile + 2), random.normal(size=3)
    assert np.allclose(given @ ((kernel @ three) * (taken @ signal)), np.correlate(signal, three), atol=1e-12)


@pytest.mark.parametrize(("channels", "side", "tile"), [(64, 17, 6), (128, 8, 4)])
def test_neither_threads_nor_layout_nor_order_changes_a_bit(channels: int, side: int, tile: int) -> None:
    torch.manual_seed(channels)
    layer = WinogradConvolution(nn.Conv2d(channels, channels, 3, padding=1), side, tile=tile)
    x, order, threads = torch.randn(16, channels, side, side), torch.randperm(16), torch.get_num_threads()
    try:
        with torch.inference_mode():
            torch.set_num_threads(1)
            one = layer(x)
            torch.set_num_threads(2)
            two = layer(x[order].contiguous(memory_format=torch.channels_last))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one[order], two)
