"""Any network that ONNX Runtime can run, as a PyTorch module.

The graph takes one input, float32 or float16, [n, 3, size, size] or [n, size, size, 3], with a free or a fixed n, and
gives the vector; a second output may give what the age and gender probe reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from profiling.errors import ModelError

THREADS = 1  # inside one call: sums then have one order, and actors share a machine by their number
CHANNELS = 3
TYPES: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
ERRORS_ONLY = 3  # ONNX Runtime's log level
PROVIDERS = {"cuda": ("CUDAExecutionProvider",)}  # by device; the CPU's stands behind all

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Input:
    """The graph's input: its name, numbers, whether channels come last, and the batch it is fixed at (None = any)."""

    name: str
    dtype: type[np.floating[Any]]
    channels_last: bool
    batch: int | None


class OnnxNetwork(nn.Module):
    """Chips [n, 3, size, size] -> vectors [n, dim] and features [n, k]."""

    def __init__(self, data: bytes, output: str, features_output: str) -> None:
        super().__init__()
        self._data = data
        self._sessions: dict[str, Any] = {}
        session = self._session("cpu")
        self._input = _input_of(session)
        outputs = [each.name for each in session.get_outputs()]
        for name in filter(None, (output, features_output)):
            if name not in outputs:
                raise ModelError(f"onnx: the graph has no output {name!r}; choose of {', '.join(outputs)}")
        vector = output or outputs[0]
        self._outputs = (vector, features_output or vector)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and features, float32, on the device of `x`."""
        session = self._session(x.device.type)
        whole = x.float().cpu().numpy()
        if self._input.channels_last:
            whole = whole.transpose(0, 2, 3, 1)
        whole = np.ascontiguousarray(whole, self._input.dtype)
        runs = [self._run(session, part) for part in _parts(whole, self._input.batch)]
        vectors, features = (
            torch.from_numpy(np.concatenate(each)[: len(whole)].reshape(len(whole), -1).astype(np.float32))
            for each in zip(*runs, strict=True)
        )
        return vectors.to(x.device), features.to(x.device)

    def _run(self, session: Any, part: Array) -> list[Array]:
        try:
            found: list[Array] = session.run(list(dict.fromkeys(self._outputs)), {self._input.name: part})
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise ModelError(
                f"onnx: the graph cannot run chips of shape {list(part.shape)} ({_first_line(error)}); describe "
                "another size, or export it with a batch of 1"
            ) from None
        if any(not each.ndim or len(each) != len(part) for each in found):
            raise ModelError(
                f"onnx: outputs {self._outputs} are not one row a chip; name others, or export a batch of 1"
            )
        return [found[0], found[-1]]

    def _session(self, device: str) -> Any:
        if device not in self._sessions:
            self._sessions[device] = _open(self._data, device)
        return self._sessions[device]


def load_network(data: bytes, output: str = "", features_output: str = "") -> OnnxNetwork:
    """The network from the bytes of an ONNX file; names of outputs default to the graph's first.

    Raises
    ------
    ModelError
        The bytes are no ONNX graph that this ONNX Runtime runs, or its input or outputs are others.
    """
    return OnnxNetwork(data, output, features_output)


def _open(data: bytes, device: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.use_deterministic_compute = True
    options.log_severity_level = ERRORS_ONLY
    wanted = (*PROVIDERS.get(device, ()), "CPUExecutionProvider")
    providers = [each for each in wanted if each in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(data, options, providers=providers)
    except Exception as error:  # as above
        raise ModelError(f"onnx: ONNX Runtime cannot load the file ({_first_line(error)}); export it again") from None


def _input_of(session: Any) -> Input:
    inputs = session.get_inputs()
    if len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].type in TYPES:
        batch, second, _, last = inputs[0].shape
        channels_last = last == CHANNELS and second != CHANNELS
        if channels_last or second == CHANNELS or not isinstance(second, int):
            fixed = batch if isinstance(batch, int) and batch > 0 else None
            return Input(inputs[0].name, TYPES[inputs[0].type], channels_last, fixed)
    given = "; ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
    raise ModelError(f"onnx: the graph wants {given or 'nothing'}; one input of floats [n, 3, size, size] is needed")


def _parts(whole: Array, batch: int | None) -> Iterator[Array]:
    """`whole` as it is, or cut into batches of one size, the last filled up with black chips."""
    if batch is None:
        yield whole
        return
    for start in range(0, len(whole), batch):
        part = whole[start : start + batch]
        yield np.concatenate([part, np.zeros((batch - len(part), *part.shape[1:]), part.dtype)])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
