"""A fused network says what the plain one says, and stands aside where it cannot run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from profiling.embedding import get_model, onednn
from profiling.embedding.dlib_fused import FusedDlibResNet
from profiling.embedding.dlib_resnet import DlibResNet
from profiling.embedding.edgeface import EdgeFace
from profiling.embedding.edgeface import load_network as load_edgeface
from profiling.embedding.embedder import Embedder, build_network
from profiling.embedding.registry import read_weights

pytestmark = pytest.mark.skipif(not onednn.available(torch.float32), reason="this PyTorch has no oneDNN")


def _run(network: nn.Module, chips: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    with torch.inference_mode():
        vectors, features = network(chips.contiguous(memory_format=torch.channels_last))
    return vectors.float().numpy(), features.numpy()


def _least_cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)).min())


def _moved(network: nn.Module) -> nn.Module:
    """Parameters off the values that a new layer has, at which a forgotten scale or shift would not show."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return network


def test_dlibs_network_is_the_same_fused(drawn_chips: np.ndarray) -> None:
    plain = build_network(get_model("dlib"), read_weights(get_model("dlib")))
    assert isinstance(plain, DlibResNet)
    chips = torch.from_numpy(drawn_chips[:4]).permute(0, 3, 1, 2).float().sub(120).div(256)
    assert np.allclose(_run(plain.fused(4), chips)[0], _run(plain, chips)[0], atol=2e-6)


def test_edgeface_is_the_same_fused_whatever_its_weights() -> None:
    plain = load_edgeface(save(_moved(EdgeFace()).state_dict())).eval()
    chips = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(2)) * 2 - 1
    (vectors, features), (wanted, wanted_features) = _run(plain.fused(3), chips), _run(plain, chips)
    assert np.allclose(vectors, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    assert np.allclose(features, wanted_features, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not onednn.available(torch.bfloat16), reason="this processor has no bfloat16")
def test_bfloat16_keeps_the_direction_fused() -> None:
    plain = load_edgeface(save(EdgeFace().state_dict())).eval()
    chips = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(3)) * 2 - 1
    exact = _run(plain, chips)[0]
    rough = plain.to(torch.bfloat16)
    assert _least_cosine(_run(rough.fused(3), chips.bfloat16())[0], exact) > 0.995


def test_the_embedder_takes_the_fused_network_on_a_cpu_and_the_plain_one_without_onednn(
    monkeypatch: pytest.MonkeyPatch, drawn_chips: np.ndarray
) -> None:
    fused = Embedder.load("dlib")
    monkeypatch.setattr(onednn, "available", lambda _: False)
    plain = Embedder.load("dlib")
    assert isinstance(fused._network, FusedDlibResNet)
    assert isinstance(plain._network, DlibResNet)
    assert np.allclose(fused.embed(drawn_chips[:5]).vectors, plain.embed(drawn_chips[:5]).vectors, atol=2e-6)
