"""A checkpoint fills a network only when each name and shape is the network's."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save
from torch import nn

from profiling.embedding.checkpoint import fill_network, read_tensors
from profiling.errors import ModelError


def _tensors() -> dict[str, torch.Tensor]:
    return {"weight": torch.randn(2, 3), "bias": torch.randn(2)}


def test_tensors_come_back_as_float32() -> None:
    tensors = {"half": torch.randn(3).half(), "count": torch.tensor(7)}
    read = read_tensors(save(tensors), "net")
    assert torch.equal(read["half"], tensors["half"].float())
    assert read["count"].dtype == torch.int64


def test_a_filled_network_holds_the_tensors_and_is_ready_to_run() -> None:
    tensors = _tensors()
    network = fill_network(nn.Linear(3, 2), tensors, "net")
    assert torch.equal(network.weight, tensors["weight"])
    assert not network.training


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"bias": None}, "1 tensors are missing, the first bias"),
        ({"third": torch.zeros(1)}, "1 tensors are not of this network, the first third"),
        ({"weight": torch.zeros(3, 2)}, r"tensor weight is \[3, 2\], not \[2, 3\]"),
    ],
)
def test_another_networks_tensors_are_one_line(change: dict[str, torch.Tensor | None], fault: str) -> None:
    changed = {name: tensor for name, tensor in (_tensors() | change).items() if tensor is not None}
    with pytest.raises(ModelError, match=f"^net: {fault}") as caught:
        fill_network(nn.Linear(3, 2), changed, "net")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"12345678", save({"a": torch.zeros(4)})[:-3]])
def test_bytes_of_another_format_are_one_line(data: bytes) -> None:
    with pytest.raises(ModelError, match=r"^net: .*neither a safetensors nor a PyTorch file") as caught:
        read_tensors(data, "net")
    assert "\n" not in str(caught.value)
