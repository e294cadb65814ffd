"""Ways of running an embedding network on a CPU: ours, ONNX Runtime, OpenVINO, and what people write in PyTorch.

Each takes uint8 chips [n, side, side, 3] and gives unit vectors float32 [n, dim]; weights are those of the registry.
ONNX Runtime and OpenVINO run the plain module as `torch.onnx` exports it, in batches as large as ours.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from profiling.embedding import ModelEntry, find_weights
from profiling.embedding.embedder import BATCH, Embedder, build_network
from profiling.embedding.registry import read_weights
from profiling.settings import Precision

Chips = npt.NDArray[np.uint8]
Vectors = npt.NDArray[np.float32]
Engine = Callable[[Chips], Vectors]


def kith(model: str, precision: Precision) -> Engine:
    """The embedder as the pipeline calls it: vectors, norms and features."""
    embedder = Embedder.load(model, "cpu", precision)
    return lambda chips: embedder.embed(chips).vectors


def one_by_one(entry: ModelEntry) -> Engine:
    """PyTorch as it stands in most scripts: a face at a time, default settings."""
    network = build_network(entry, read_weights(entry)).eval()
    mean, scale = (torch.tensor(each).view(3, 1, 1) for each in (entry.mean, entry.scale))

    def run(chips: Chips) -> Vectors:
        with torch.no_grad():
            faces = (((torch.from_numpy(chip).permute(2, 0, 1).float() - mean) / scale) for chip in chips)
            return _unit(torch.cat([network(face[None])[0] for face in faces]).numpy())

    return run


def timm_forward(entry: ModelEntry) -> Engine:
    """timm's own module and forward pass for EdgeFace-XS, in batches, channels first: vectors alone."""
    plain: Any = build_network(entry, read_weights(entry)).eval()

    def run(chips: Chips) -> Vectors:
        with torch.inference_mode():
            return _unit(torch.cat([plain.model(torch.from_numpy(x)) for x in _batches(entry, chips)]).numpy())

    return run


def onnx_runtime(entry: ModelEntry, threads: int, features: bool = True) -> Engine:
    """ONNX Runtime, float32; without `features` the graph gives vectors alone."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(export(entry, features), options, providers=["CPUExecutionProvider"])
    return lambda chips: _unit(np.concatenate([session.run(None, {"x": x})[0] for x in _batches(entry, chips)]))


def openvino(entry: ModelEntry, threads: int, precision: Precision) -> Engine:
    """OpenVINO, latency settings: one stream of `threads` threads."""
    from openvino import Core

    core = Core()
    model = core.read_model(io.BytesIO(export(entry)))
    model.reshape([BATCH, 3, entry.chip.size, entry.chip.size])
    hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
    told = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": hint}
    request = core.compile_model(model, "CPU", told).create_infer_request()
    return lambda chips: _unit(np.concatenate([request.infer({0: x})[0].copy() for x in _batches(entry, chips)]))


def dlibs_wheel(entry: ModelEntry) -> Engine:
    """dlib itself, from its wheel."""
    import dlib

    network: Any = dlib.face_recognition_model_v1(str(find_weights(entry)))
    return lambda chips: _unit(np.array([network.compute_face_descriptor(chip) for chip in chips], np.float32))


def export(entry: ModelEntry, features: bool = True) -> bytes:
    """The plain network as an ONNX graph of any batch."""
    network = build_network(entry, read_weights(entry)).eval()
    if not features:
        network = _Vector(network)
    file, names = io.BytesIO(), ["vector", "features"][: 2 if features and entry.features != entry.dim else 1]
    if len(names) == 1 and features:
        network = _Vector(network)  # dlib's features are its vector
    example = torch.zeros(2, 3, entry.chip.size, entry.chip.size)
    free = {name: {0: "n"} for name in ("x", *names)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecation, and constants that it may well trace
        torch.onnx.export(
            network, (example,), file, input_names=["x"], output_names=names, dynamic_axes=free, dynamo=False
        )
    return file.getvalue()


class _Vector(nn.Module):
    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Without the features."""
        vector: torch.Tensor = self.whole(x)[0]
        return vector


def _batches(entry: ModelEntry, chips: Chips) -> list[npt.NDArray[np.float32]]:
    """Scaled as the network wants them, [BATCH, 3, side, side]; whole rows at a time, the fastest that numpy does."""
    size = entry.chip.size
    mean, scale = (np.tile(np.array(each, np.float32), size) for each in (entry.mean, entry.scale))
    found = []
    for start in range(0, len(chips), BATCH):
        rows = chips[start : start + BATCH].reshape(-1, size, size * 3).astype(np.float32)
        rows -= mean
        rows /= scale
        found.append(np.ascontiguousarray(rows.reshape(-1, size, size, 3).transpose(0, 3, 1, 2)))
    return found


def _unit(raw: npt.NDArray[np.floating[Any]]) -> Vectors:
    vectors: Vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return vectors
