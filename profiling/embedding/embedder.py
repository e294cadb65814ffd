"""Chips to unit vectors, in batches of one fixed size, so that a chip's bits depend on nothing but the chip."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from profiling.embedding import onednn
from profiling.embedding.registry import ModelEntry, get_model, read_weights
from profiling.errors import ModelError

BATCH = 16  # chips; measured for dlib's network on one core: larger batches are no faster, smaller ones are
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
EMPTY = 1e-12  # shorter raw vectors have no direction and become zero

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """What a network says of n chips.

    `vectors` float32 [n, dim], unit length; `norms` float32 [n], the length before; `features` float32 [n, k], what
    the age and gender probe of the model's calibration reads.
    """

    vectors: Vectors
    norms: Vectors
    features: Vectors


class Embedder:
    """One network, loaded on one device. Use `Embedder.load`.

    Notes
    -----
    A chip's result is the same bits in any company, order and number of threads, on one kind of device with one build
    of PyTorch. Across devices and precisions vectors agree to a cosine of .9999 and .999.
    """

    def __init__(self, entry: ModelEntry, network: nn.Module, device: str, precision: str) -> None:
        self.entry = entry
        self._device = torch.device(device)
        own_arithmetic = next(network.parameters(), None) is None  # ONNX: the file says its precision
        self._dtype = torch.float32 if own_arithmetic else PRECISIONS[precision]
        network = network.eval().to(self._device, self._dtype)
        self._network = _for_device(network.to(memory_format=torch.channels_last), self._device, self._dtype)  # type: ignore[call-overload]
        mean, scale = (np.tile(each, entry.chip.size) for each in (entry.mean, entry.scale))  # of a row of a chip
        self._factor, self._shift = (
            torch.tensor(each, dtype=torch.float32, device=self._device) for each in (1 / scale, -mean / scale)
        )

    @classmethod
    def load(
        cls, model_id: str, device: str = "cpu", precision: Literal["float32", "bfloat16"] = "float32"
    ) -> Embedder:
        """The registered network `model_id` on `device` ("cpu", "cuda", "cuda:1", …).

        Raises
        ------
        ModelError
            The model is unknown, its weights are missing or not what their hash says, or there is no such device.
        """
        entry = get_model(model_id)
        if precision not in PRECISIONS:
            raise ModelError(
                f"model {entry.id}: precision {precision!r} unknown; choose one of {', '.join(PRECISIONS)}"
            )
        network = build_network(entry, read_weights(entry))
        try:
            return cls(entry, network, device, precision)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"model {entry.id}: cannot run on device {device!r} ({reason}); use cpu") from None

    def embed(self, chips: npt.NDArray[np.uint8]) -> Embedded:
        """Vectors of `chips`, uint8 [n, size, size, 3] RGB, aligned to this model's chip; n may be 0.

        Raises
        ------
        ValueError
            The chips are of another shape or type than `entry.chip` says.
        """
        size = self.entry.chip.size
        if chips.dtype != np.uint8 or chips.shape[1:] != (size, size, 3):
            raise ValueError(f"chips of model {self.entry.id} are uint8 [n, {size}, {size}, 3], not {chips.shape}")
        raw = np.zeros((len(chips), self.entry.dim), np.float32)
        features = np.zeros((len(chips), self.entry.features), np.float32)
        for start in range(0, len(chips), BATCH):
            part = chips[start : start + BATCH]
            here = slice(start, start + len(part))
            raw[here], features[here] = self._run(part)
        norms = np.sqrt(np.square(raw).sum(axis=1))
        vectors = raw / np.maximum(norms, EMPTY)[:, None]
        return Embedded(vectors, norms, features)

    @torch.inference_mode()
    def _run(self, part: npt.NDArray[np.uint8]) -> tuple[Vectors, Vectors]:
        """One batch, padded with black chips to `BATCH`."""
        batch = np.ascontiguousarray(part)
        if len(part) < BATCH:
            batch = np.zeros((BATCH, *part.shape[1:]), np.uint8)
            batch[: len(part)] = part
        if self.entry.colour == "bgr":
            batch = np.ascontiguousarray(batch[..., ::-1])
        rows = torch.from_numpy(batch).to(self._device).flatten(2).float()  # whole rows: three at a time are slow
        scaled = torch.addcmul(self._shift, rows, self._factor).view(batch.shape).permute(0, 3, 1, 2)  # channels_last
        with _exact_convolutions():
            raw, features = self._network(scaled.to(self._dtype))
        return raw[: len(part)].float().cpu().numpy(), features[: len(part)].float().cpu().numpy()


def build_network(entry: ModelEntry, data: bytes) -> nn.Module:
    """The network of `entry` from its weights' bytes.

    Raises
    ------
    ModelError
        The bytes are not of this network.
    """
    return cast(nn.Module, importlib.import_module(entry.network).load_network(data, **dict(entry.options)))


def _for_device(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """On a CPU the fused form of a network that has one, where PyTorch has oneDNN's operators."""
    fused = getattr(network, "fused", None)
    if device.type != "cpu" or fused is None or not onednn.available(dtype):
        return network
    with torch.inference_mode():
        return cast(nn.Module, fused(BATCH))


@contextmanager
def _exact_convolutions() -> Iterator[None]:
    """On CUDA: the same algorithm every time, and float32 that is float32 (by default it is rounded to 10 bits)."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
