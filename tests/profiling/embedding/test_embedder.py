"""The embedder: unit vectors whose bits depend on the chip alone, and a seam for other networks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from profiling.chips import ChipSpec
from profiling.embedding import MODELS, get_model
from profiling.embedding.embedder import BATCH, Embedder
from profiling.embedding.registry import MODELS_FOLDER
from profiling.errors import ModelError

Chips = npt.NDArray[np.uint8]

NETWORK = """
import torch
from safetensors.torch import load


class Mean(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)

    def forward(self, x):
        colour = x.mean((2, 3))
        return colour @ self.weight, colour


def load_network(data):
    return Mean(load(data)["weight"])
"""


def test_vectors_have_unit_length_and_norms_keep_the_rest(embedder: Embedder, drawn_chips: Chips) -> None:
    out = embedder.embed(drawn_chips)
    assert out.vectors.shape == (len(drawn_chips), embedder.entry.dim)
    assert out.vectors.dtype == out.norms.dtype == out.features.dtype == np.float32
    assert np.allclose(np.linalg.norm(out.vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(out.vectors * out.norms[:, None], out.features, atol=1e-6)  # dlib's features: the descriptor


@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_neither_company_nor_order_changes_a_bit(embedder: Embedder, drawn_chips: Chips, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=2 * BATCH + 3))
    out, again = embedder.embed(drawn_chips[:40]), embedder.embed(drawn_chips[chosen])
    assert np.array_equal(again.vectors.view(np.uint32), out.vectors[chosen].view(np.uint32))
    assert np.array_equal(again.norms.view(np.uint32), out.norms[chosen].view(np.uint32))
    assert np.array_equal(again.features.view(np.uint32), out.features[chosen].view(np.uint32))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_number_of_threads_changes_no_bit(drawn_chips: Chips, precision: str) -> None:
    embedder = Embedder.load("dlib", precision=precision)  # type: ignore[arg-type]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = embedder.embed(drawn_chips)
        torch.set_num_threads(2)
        two = embedder.embed(drawn_chips[::-1])
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(one.vectors.view(np.uint32), two.vectors[::-1].view(np.uint32))


def test_bfloat16_keeps_the_direction(embedder: Embedder, drawn_chips: Chips) -> None:
    rough = Embedder.load("dlib", precision="bfloat16").embed(drawn_chips)
    assert (rough.vectors * embedder.embed(drawn_chips).vectors).sum(axis=1).min() > 0.999


def test_no_chips_give_no_vectors(embedder: Embedder) -> None:
    size = embedder.entry.chip.size
    out = embedder.embed(np.zeros((0, size, size, 3), np.uint8))
    assert out.vectors.shape == (0, embedder.entry.dim)
    assert out.norms.shape == (0,)
    assert out.features.shape == (0, embedder.entry.features)


@pytest.mark.parametrize("chips", [np.zeros((2, 96, 96, 3), np.uint8), np.zeros((2, 150, 150, 3), np.float32)])
def test_chips_of_another_model_are_refused(embedder: Embedder, chips: Chips) -> None:
    with pytest.raises(ValueError, match="150, 150, 3"):
        embedder.embed(chips)


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_a_missing_device_is_one_line(device: str) -> None:
    with pytest.raises(ModelError, match=f"cannot run on device '{device}'") as caught:
        Embedder.load("dlib", device=device)
    assert "\n" not in str(caught.value)


def test_an_unknown_precision_is_one_line() -> None:
    with pytest.raises(ModelError, match="float32, bfloat16"):
        Embedder.load("dlib", precision="int4")  # type: ignore[arg-type]


@pytest.mark.gpu
def test_the_gpu_agrees_with_the_cpu(embedder: Embedder, drawn_chips: Chips) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    there = Embedder.load("dlib", device="cuda")
    out, order = there.embed(drawn_chips), np.random.default_rng(0).permutation(len(drawn_chips))
    assert (out.vectors * embedder.embed(drawn_chips).vectors).sum(axis=1).min() > 0.9999
    assert np.array_equal(there.embed(drawn_chips[order]).vectors, out.vectors[order])


def test_another_network_needs_one_file_and_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = np.random.default_rng(5).normal(size=(3, 5)).astype(np.float32)
    data = save({"weight": weight})
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights").write_bytes(data)
    (tmp_path / "network_of_a_test.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    entry = replace(
        get_model("dlib"),
        id="mean",
        dim=5,
        features=3,
        chip=ChipSpec(32, ((8, 8), (24, 8), (16, 16), (10, 24), (22, 24))),
        colour="bgr",
        mean=(1.0, 2.0, 3.0),
        scale=(50.0, 50.0, 50.0),
        network="network_of_a_test",
        weights_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        package=None,
    )
    monkeypatch.setitem(MODELS, "mean", entry)
    chips = np.random.default_rng(6).integers(0, 256, (BATCH + 2, 32, 32, 3), dtype=np.uint8)
    out = Embedder.load("mean").embed(chips)
    blue_green_red = (chips.astype(np.float64).mean(axis=(1, 2))[:, ::-1] - (1, 2, 3)) / 50
    raw = blue_green_red @ weight.astype(np.float64)
    assert np.allclose(out.features, blue_green_red, atol=1e-5)
    assert np.allclose(out.norms, np.linalg.norm(raw, axis=1), atol=1e-5)
    assert np.allclose(out.vectors, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-5)
