"""Weights from the bytes of a file into a network, strictly: each name and shape must be the network's.

Two formats: safetensors, and what ``torch.save`` writes, read with ``weights_only``, which runs no code of the file.
"""

from __future__ import annotations

import io
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from profiling.errors import ModelError

TORCH_MAGIC = (b"PK\x03\x04", b"\x80\x02")  # what torch.save writes: a zip since 1.6, before it a bare pickle
STATE_DICT = "state_dict"  # key of the tensors in checkpoints that also keep an epoch and an optimiser
WRAPPER = "module."  # torch.nn.parallel.DistributedDataParallel puts it before every name
COUNTER = ".num_batches_tracked"  # of batch normalisation; only training reads it, and some files leave it out

Network = TypeVar("Network", bound=nn.Module)


def read_tensors(data: bytes, what: str) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint by name, floating ones as float32.

    Of a training checkpoint ``{"state_dict": …}`` the tensors are taken, and names lose a wrapper's ``module.``.

    Raises
    ------
    ModelError
        The bytes are neither a safetensors file nor a PyTorch file of tensors alone; `what` says of which network.
    """
    stored = _read_torch(data, what) if data.startswith(TORCH_MAGIC) else _read_safetensors(data, what)
    if all(name.startswith(WRAPPER) for name in stored):
        stored = {name.removeprefix(WRAPPER): tensor for name, tensor in stored.items()}
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in stored.items()}


def _read_safetensors(data: bytes, what: str) -> dict[str, torch.Tensor]:
    try:
        return load(data)
    except (SafetensorError, ValueError) as error:
        raise ModelError(
            f"{what}: the weights are neither a safetensors nor a PyTorch file ({_first_line(error)}); give them as "
            "published"
        ) from None


def _read_torch(data: bytes, what: str) -> dict[str, torch.Tensor]:
    try:
        stored = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # of a zip, of its tensors, of a refused class: they share no base class
        raise ModelError(
            f"{what}: not a PyTorch file of tensors alone, or damaged ({_first_line(error)}); save its state_dict"
        ) from None
    stored = stored.get(STATE_DICT, stored) if isinstance(stored, dict) else stored
    if not isinstance(stored, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in stored.values()):
        raise ModelError(f"{what}: the PyTorch file is no dictionary of tensors; save the network's state_dict")
    return stored


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def fill_network(network: Network, tensors: dict[str, torch.Tensor], what: str) -> Network:
    """`network` with its parameters and buffers set to `tensors`, ready to run.

    Raises
    ------
    ModelError
        A tensor is missing, left over or of another shape; `what` says of which network.
    """
    wanted = network.state_dict()
    counters = {name: tensor for name, tensor in wanted.items() if name.endswith(COUNTER)}
    tensors = counters | tensors
    missing, left_over = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    for names, fault in ((missing, "missing"), (left_over, "not of this network")):
        if names:
            raise ModelError(
                f"{what}: {len(names)} tensors are {fault}, the first {names[0]}; the file is of another network"
            )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{list(tensor.shape)}, not {list(wanted[name].shape)}"
            raise ModelError(f"{what}: tensor {name} is {shapes}; the file is of another network")
    network.load_state_dict(tensors)
    return network.eval()
