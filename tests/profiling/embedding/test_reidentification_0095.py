"""face-reidentification-retail-0095 says what its graph says, written a second time tensor by tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save

from profiling.embedding import find_weights, get_model
from profiling.embedding.embedder import Embedder
from profiling.embedding.reidentification_0095 import Reidentification0095, load_network
from profiling.errors import ModelError
from tests.profiling.embedding.conftest import draw_chip

HALVING, WIDENING = {0, 5, 12}, {5}  # blocks without a shortcut


class Graph:
    """The published graph, by the names of its tensors."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        self.t = {name: tensor.float() for name, tensor in tensors.items()}

    def conv(self, name: str, x: torch.Tensor, stride: int = 1, padding: int = 0) -> torch.Tensor:
        """A plain or, where the weight is one channel deep, a depthwise convolution."""
        weight = self.t[f"{name}.weight"]
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(x, weight, self.t.get(f"{name}.bias"), stride, padding, groups=groups)

    def unit(self, name: str, x: torch.Tensor, stride: int = 1, padding: int = 0) -> torch.Tensor:
        """A convolution, then x where positive, slope x elsewhere."""
        y = self.conv(f"{name}.conv", x, stride, padding)
        return torch.where(y > 0, y, self.t[f"{name}.act.weight"] * y)

    def block(self, place: int, x: torch.Tensor) -> torch.Tensor:
        """One inverted residual with weighted channels."""
        name = f"blocks.{place}"
        y = self.unit(f"{name}.depthwise", self.unit(f"{name}.expand", x), 2 if place in HALVING else 1, 1)
        y = self.conv(f"{name}.project", y)
        weight = self.conv(f"{name}.excite", self.unit(f"{name}.squeeze", F.adaptive_avg_pool2d(y, 1)))
        y = y * torch.sigmoid(weight)
        return y if place in HALVING | WIDENING else x + y

    def run(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and features."""
        x = self.unit("stem_depthwise", self.unit("stem", x * self.t["scale"] + self.t["shift"], 2, 1), 1, 1)
        maps = []
        for place in range(15):
            x = self.block(place, x)
            maps += [x] if place in (11, 14) else []
        maps.append(self.unit("last", x))
        features = [f(layer) for layer in maps for f in (lambda m: m.mean((2, 3)), lambda m: m.std((2, 3), False))]
        return self.conv("embed", self.conv("pool", maps[-1])).flatten(1), torch.cat(features, 1)


def test_random_weights_run_as_the_graph_says() -> None:
    entry = get_model("face-reidentification-retail-0095")
    torch.manual_seed(4)
    tensors = Reidentification0095().state_dict()
    network = load_network(save(tensors))
    x = torch.rand(2, 3, entry.chip.size, entry.chip.size)
    with torch.inference_mode():
        raw, features = network(x)
        wanted = Graph(tensors).run(x)
    assert raw.shape == (2, entry.dim)
    assert features.shape == (2, entry.features)
    assert torch.allclose(raw, wanted[0], atol=1e-5)
    assert torch.allclose(features, wanted[1], atol=1e-5)


def test_a_missing_tensor_is_named() -> None:
    tensors = Reidentification0095().state_dict()
    del tensors["pool.bias"]
    with pytest.raises(ModelError, match=r"missing, the first pool\.bias"):
        load_network(save(tensors))


@pytest.mark.data
def test_vectors_of_blue_green_red_chips_equal_the_graphs(local_weights: Path) -> None:
    entry = get_model("face-reidentification-retail-0095")
    chips = np.stack([draw_chip(seed, entry.chip.size) for seed in range(8)])
    with torch.inference_mode():
        x = torch.from_numpy(chips[..., ::-1].copy()).permute(0, 3, 1, 2).float()
        wanted = [part.numpy() for part in Graph(load_file(find_weights(entry))).run(x)]
    out = Embedder.load(entry.id).embed(chips)
    assert np.abs(out.vectors * out.norms[:, None] - wanted[0]).max() < 1e-4  # of numbers about 2
    assert np.allclose(out.features, wanted[1], atol=1e-3)
