"""Weights from the bytes of a safetensors file into a network, strictly: each name and shape must be the network's."""

from __future__ import annotations

from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from profiling.errors import ModelError

Network = TypeVar("Network", bound=nn.Module)


def read_tensors(data: bytes, what: str) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file by name, floating ones as float32.

    Raises
    ------
    ModelError
        The bytes are no safetensors file; `what` says of which network.
    """
    try:
        tensors = load(data)
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"{what}: the weights are no safetensors file ({error}); give the file as published") from None
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def fill_network(network: Network, tensors: dict[str, torch.Tensor], what: str) -> Network:
    """`network` with its parameters and buffers set to `tensors`, ready to run.

    Raises
    ------
    ModelError
        A tensor is missing, left over or of another shape; `what` says of which network.
    """
    wanted = network.state_dict()
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
