"""Any ONNX graph: the numbers that its arithmetic says, whatever its batch, its channels' place and its outputs."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from profiling.embedding import get_model
from profiling.embedding.describing import Stated, add_network
from profiling.embedding.embedder import BATCH, Embedder, build_network
from profiling.embedding.onnx_network import load_network
from profiling.embedding.registry import MODELS_FOLDER, read_weights
from profiling.errors import ModelError

SIZE, DIM = 16, 5
WEIGHT = np.random.default_rng(1).normal(size=(3, DIM)).astype(np.float32)


def _graph(batch: int | str, channels_last: bool = False, half: bool = False) -> bytes:
    """Mean colour [n, 3] as output ``colour``, and mean colour times `WEIGHT` as output ``vector``, which is second."""
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    shape = [batch, SIZE, SIZE, 3] if channels_last else [batch, 3, SIZE, SIZE]
    weight = numpy_helper.from_array(WEIGHT.astype(np.float16) if half else WEIGHT, "weight")
    axes = numpy_helper.from_array(np.array([1, 2] if channels_last else [2, 3], np.int64), "axes")
    nodes = [
        helper.make_node("ReduceMean", ["chip", "axes"], ["colour"], keepdims=0),
        helper.make_node("MatMul", ["colour", "weight"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("chip", kind, shape)],
        [helper.make_tensor_value_info(name, kind, [batch, n]) for name, n in (("colour", 3), ("vector", DIM))],
        [weight, axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("batch", ["n", 1, 3, 16, 20])
@pytest.mark.parametrize("channels_last", [False, True])
def test_vectors_and_features_are_the_graphs(batch: int | str, channels_last: bool) -> None:
    chips = torch.rand(BATCH, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    vectors, features = load_network(_graph(batch, channels_last), "vector", "colour")(chips)
    colour = chips.numpy().astype(np.float64).mean(axis=(2, 3))
    assert np.allclose(features.numpy(), colour, atol=1e-6)
    assert np.allclose(vectors.numpy(), colour @ WEIGHT, atol=1e-5)


def test_the_first_output_is_the_vector_and_its_own_features() -> None:
    vectors, features = load_network(_graph("n"))(torch.rand(2, 3, SIZE, SIZE))
    assert vectors.shape == (2, 3)
    assert torch.equal(vectors, features)


def test_half_precision_graphs_take_and_give_float32() -> None:
    vectors, _ = load_network(_graph(1, half=True), "vector")(torch.full((2, 3, SIZE, SIZE), 0.5))
    assert vectors.dtype == torch.float32
    assert np.allclose(vectors.numpy(), 0.5 * WEIGHT.sum(axis=0), atol=1e-2)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_described_graph_embeds_bit_for_bit_in_any_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    (tmp_path / "graph.onnx").write_bytes(_graph(1))
    stated = Stated("mean", "onnx", size=SIZE, colour="bgr", mean=(1.0, 2.0, 3.0), scale=(50.0, 60.0, 70.0))
    outputs = {"output": "vector", "features_output": "colour"}
    add_network(tmp_path / "graph.onnx", Stated(**(vars(stated) | outputs)))
    assert (get_model("mean").dim, get_model("mean").features) == (DIM, 3)
    embedder = Embedder.load("mean", precision=precision)  # type: ignore[arg-type]
    chips = np.random.default_rng(6).integers(0, 256, (BATCH + 3, SIZE, SIZE, 3), dtype=np.uint8)
    out = embedder.embed(chips)
    colour = (chips.astype(np.float64).mean(axis=(1, 2))[:, ::-1] - (1, 2, 3)) / (50, 60, 70)
    assert np.allclose(out.features, colour, atol=1e-5)
    assert np.allclose(out.vectors * out.norms[:, None], colour @ WEIGHT, atol=1e-4)
    order = np.random.default_rng(7).permutation(len(chips))[:7]
    assert np.array_equal(embedder.embed(chips[order]).vectors.view(np.uint32), out.vectors[order].view(np.uint32))


def test_a_graph_of_another_chip_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    (tmp_path / "graph.onnx").write_bytes(_graph("n"))
    with pytest.raises(ModelError, match=r"^onnx: the graph cannot run chips of shape \[16, 3, 112, 112\]") as caught:
        add_network(tmp_path / "graph.onnx", Stated("mean", "onnx"))
    assert "\n" not in str(caught.value)


def test_an_unknown_output_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match="no output 'embedding'; choose of colour, vector"):
        load_network(_graph(1), "embedding")


def test_a_truncated_file_is_one_line() -> None:
    with pytest.raises(ModelError, match=r"^onnx: ONNX Runtime cannot load the file") as caught:
        load_network(_graph(1)[:-40])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [[1, 3], [1, 4, SIZE, SIZE], [1, SIZE, SIZE, 1]])
def test_a_graph_that_takes_no_chips_is_refused(shape: list[int]) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    with pytest.raises(ModelError, match=r"one input of floats \[n, 3, size, size\] is needed"):
        load_network(model.SerializeToString())


@pytest.mark.slow
def test_dlibs_network_exported_says_the_same() -> None:
    entry = get_model("dlib")
    network = build_network(entry, read_weights(entry)).eval()
    chips = torch.randn(3, 3, entry.chip.size, entry.chip.size, generator=torch.Generator().manual_seed(3))
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package says that another is newer
        torch.onnx.export(network, (chips[:1],), file, dynamo=False, opset_version=17)
    with torch.inference_mode():
        wanted, _ = network(chips)
    assert torch.allclose(load_network(file.getvalue())(chips)[0], wanted, atol=1e-5)
