"""EdgeFace-XS says what timm's own forward pass says, and offers its inner layers to the probe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save

from profiling.embedding import find_weights, get_model
from profiling.embedding.edgeface import EdgeFace, load_network
from profiling.embedding.embedder import Embedder
from profiling.errors import ModelError
from tests.profiling.embedding.conftest import draw_chip


def test_random_weights_give_the_entrys_numbers() -> None:
    entry = get_model("edgeface-xs")
    network = load_network(save(EdgeFace().state_dict()))
    with torch.inference_mode():
        raw, features = network(torch.zeros(2, 3, entry.chip.size, entry.chip.size))
    assert raw.shape == (2, entry.dim)
    assert features.shape == (2, entry.features)


def test_another_networks_tensors_are_refused() -> None:
    with pytest.raises(ModelError, match="not named model"):
        load_network(save({"layer.weight": torch.zeros(1)}))


@pytest.mark.data
def test_vectors_equal_timms(local_weights: Path) -> None:
    entry = get_model("edgeface-xs")
    plain = timm.create_model("edgenext_x_small", pretrained=False, num_classes=512).eval()
    plain.load_state_dict({name.removeprefix("model."): t for name, t in load_file(find_weights(entry)).items()})
    maps = []
    for place in (1, 2, 3):
        plain.stages[place].register_forward_hook(lambda _, __, out: maps.append(out.numpy()))
    chips = np.stack([draw_chip(seed, entry.chip.size) for seed in range(16)])
    with torch.inference_mode():
        wanted = plain((torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 127.5) / 127.5).numpy()
    out = Embedder.load(entry.id).embed(chips)
    assert np.abs(out.vectors * out.norms[:, None] - wanted).max() < 1e-5
    features = np.concatenate([f(layer, axis=(2, 3)) for layer in maps for f in (np.mean, np.std)], axis=1)
    assert np.allclose(out.features, features, atol=1e-4)
