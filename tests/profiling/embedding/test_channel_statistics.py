"""Channel statistics are numpy's means and standard deviations, layer by layer."""

from __future__ import annotations

import numpy as np
import torch

from profiling.embedding.channel_statistics import channel_statistics


def test_each_layer_gives_its_means_then_its_deviations() -> None:
    random = np.random.default_rng(3)
    maps = [random.normal(2, 3, (4, channels, side, side)).astype(np.float32) for channels, side in ((5, 7), (3, 2))]
    wanted = np.concatenate([f(layer, axis=(2, 3)) for layer in maps for f in (np.mean, np.std)], axis=1)
    out = channel_statistics([torch.from_numpy(layer) for layer in maps])
    assert out.shape == (4, 16)
    assert np.allclose(out.numpy(), wanted, atol=1e-5)


def test_rounded_maps_are_summed_in_float32() -> None:
    layer = torch.ones(1, 1, 64, 64, dtype=torch.bfloat16)
    assert channel_statistics([layer]).tolist() == [[1.0, 0.0]]
