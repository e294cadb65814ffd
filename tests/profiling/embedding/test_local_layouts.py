"""Users' own checkpoints: public names and shapes, loaded strictly, run as the published networks run."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import nn

from profiling.embedding import inception_resnet, ir_backbone, iresnet
from profiling.embedding.layouts import LAYOUTS
from profiling.errors import ModelError

Tensors = dict[str, torch.Tensor]
COUNTS = {"iresnet50": 43.59, "iresnet100": 65.15, "ir_50": 43.58, "ir_101": 65.13}  # million numbers, as published


def _randomised(network: nn.Module, seed: int) -> Tensors:
    """Weights whose normalisations do something."""
    generator = torch.Generator().manual_seed(seed)
    tensors = network.state_dict()
    for name, tensor in tensors.items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.normal_(0.3, 0.2, generator=generator)
    return tensors


class Graph:
    """Layers by the names of their tensors."""

    def __init__(self, tensors: Tensors) -> None:
        self.t = tensors

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Batch normalisation with frozen statistics, by its formula."""
        shape = (1, -1, *(1,) * (x.ndim - 2))
        mean, var, weight, bias = (
            self.t[f"{name}.{part}"].reshape(shape) for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    def conv(self, name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        """A convolution that pads to keep the size."""
        weight = self.t[f"{name}.weight"]
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2)

    def prelu(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """A slope for each channel below zero."""
        return torch.where(x > 0, x, self.t[f"{name}.weight"].reshape(1, -1, 1, 1) * x)


def _run_iresnet(tensors: Tensors, x: torch.Tensor, units: tuple[int, ...]) -> torch.Tensor:
    g = Graph(tensors)
    x = g.prelu("prelu", g.norm("bn1", g.conv("conv1", x)))
    for stage, count in enumerate(units, 1):
        for place in range(count):
            name, stride = f"layer{stage}.{place}", 1 if place else 2
            y = g.norm(f"{name}.bn2", g.conv(f"{name}.conv1", g.norm(f"{name}.bn1", x)))
            y = g.norm(f"{name}.bn3", g.conv(f"{name}.conv2", g.prelu(f"{name}.prelu", y), stride))
            x = y + (x if place else g.norm(f"{name}.downsample.1", g.conv(f"{name}.downsample.0", x, stride)))
    flat = g.norm("bn2", x).reshape(len(x), -1)
    return g.norm("features", flat @ tensors["fc.weight"].T + tensors["fc.bias"])


def _run_ir(tensors: Tensors, x: torch.Tensor, units: tuple[int, ...]) -> torch.Tensor:
    g, place = Graph(tensors), 0
    x = g.prelu("input_layer.2", g.norm("input_layer.1", g.conv("input_layer.0", x)))
    for count in units:
        for unit in range(count):
            name, stride = f"body.{place}", 1 if unit else 2
            y = g.conv(f"{name}.res_layer.1", g.norm(f"{name}.res_layer.0", x))
            y = g.norm(f"{name}.res_layer.4", g.conv(f"{name}.res_layer.3", g.prelu(f"{name}.res_layer.2", y), stride))
            if f"{name}.res_layer.5.fc1.weight" in tensors:
                weight = g.conv(f"{name}.res_layer.5.fc1", y.mean((2, 3), keepdim=True)).clamp(min=0)
                y = y * torch.sigmoid(g.conv(f"{name}.res_layer.5.fc2", weight))
            projected = f"{name}.shortcut_layer.0.weight" in tensors
            short = (
                g.norm(f"{name}.shortcut_layer.1", g.conv(f"{name}.shortcut_layer.0", x, stride))
                if projected
                else x[:, :, ::stride, ::stride]
            )
            x, place = y + short, place + 1
    flat = g.norm("output_layer.0", x).reshape(len(x), -1)
    return g.norm("output_layer.4", flat @ tensors["output_layer.3.weight"].T + tensors["output_layer.3.bias"])


SMALL: dict[str, tuple[Callable[[], nn.Module], Callable[[Tensors, torch.Tensor, tuple[int, ...]], torch.Tensor]]] = {
    "iresnet": (lambda: iresnet.IResNet((1, 2, 2, 1), 64), _run_iresnet),
    "ir": (lambda: ir_backbone.IRBackbone((2, 1, 2, 1), 64, weighted=False), _run_ir),
    "ir_se": (lambda: ir_backbone.IRBackbone((2, 1, 2, 1), 64, weighted=True), _run_ir),
}


@pytest.mark.parametrize("kind", SMALL)
def test_a_shallow_network_runs_as_published(kind: str) -> None:
    make, run = SMALL[kind]
    network = make().eval()
    tensors = _randomised(network, 3)
    network.load_state_dict(tensors)
    x = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(4))
    units = (1, 2, 2, 1) if kind == "iresnet" else (2, 1, 2, 1)
    with torch.inference_mode():
        vectors, features = network(x)
        wanted = run(tensors, x, units)
    assert torch.allclose(vectors, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
    assert features.shape == (2, 1792)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name in COUNTS])
def test_full_depth_has_the_published_size_and_loads(layout: str) -> None:
    module = iresnet if layout.startswith("iresnet") else ir_backbone
    units = iresnet.UNITS[layout] if module is iresnet else ir_backbone.UNITS[layout.rpartition("_")[2]]
    made = iresnet.IResNet(units, 512) if module is iresnet else ir_backbone.IRBackbone(units, 512, weighted=False)
    numbers = sum(parameter.numel() for parameter in made.parameters())
    assert numbers / 1e6 == pytest.approx(COUNTS[layout], abs=0.02)
    network = module.load_network(save(made.state_dict()), layout)
    assert all(torch.equal(tensor, made.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_inception_resnet_has_the_published_names_and_shapes() -> None:
    tensors = inception_resnet.InceptionResNetV1().state_dict()
    shapes = {
        "conv2d_1a.conv.weight": (32, 3, 3, 3),
        "conv2d_4b.bn.running_var": (256,),
        "repeat_1.4.branch2.2.conv.weight": (32, 32, 3, 3),
        "repeat_1.0.conv2d.bias": (256,),
        "mixed_6a.branch0.conv.weight": (384, 256, 3, 3),
        "mixed_6a.branch1.2.conv.weight": (256, 192, 3, 3),
        "repeat_2.9.branch1.1.conv.weight": (128, 128, 1, 7),
        "mixed_7a.branch2.2.conv.weight": (256, 256, 3, 3),
        "repeat_3.4.branch1.2.conv.weight": (192, 192, 3, 1),
        "block8.branch0.conv.weight": (192, 1792, 1, 1),
        "block8.conv2d.weight": (1792, 384, 1, 1),
        "last_linear.weight": (512, 1792),
        "last_bn.running_mean": (512,),
    }
    assert {name: tuple(tensors[name].shape) for name in shapes} == shapes
    assert sum(tensor.numel() for name, tensor in tensors.items() if "running" not in name and "num_" not in name) == (
        23_482_624  # parameters of facenet-pytorch's network without its classes
    )


def test_a_published_file_with_classes_and_wrapper_loads_from_torchs_format() -> None:
    tensors = inception_resnet.InceptionResNetV1().state_dict()
    stored = {f"module.{name}": tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    stored |= {"module.logits.weight": torch.zeros(7, 512), "module.logits.bias": torch.zeros(7)}
    for legacy in (False, True):
        file = io.BytesIO()
        torch.save({"epoch": 3, "state_dict": stored}, file, _use_new_zipfile_serialization=not legacy)
        network = inception_resnet.load_network(file.getvalue(), "inception_resnet_v1")
        assert torch.equal(network.last_linear.weight, tensors["last_linear.weight"])
    with torch.inference_mode():
        vectors, features = network(torch.zeros(1, 3, 160, 160))
    assert (vectors.shape, features.shape) == ((1, 512), (1, 2304))


class Code:
    """Something that a file of weights has no business to hold."""


def test_a_torch_file_that_would_run_code_is_refused_in_one_line() -> None:
    file = io.BytesIO()
    torch.save({"fc.bias": Code()}, file)
    with pytest.raises(ModelError, match=r"^iresnet50: not a PyTorch file of tensors alone") as caught:
        iresnet.load_network(file.getvalue(), "iresnet50")
    assert "\n" not in str(caught.value)


def test_another_depth_is_refused_by_the_first_missing_tensor() -> None:
    data = save(iresnet.IResNet((1, 1, 1, 1), 8).state_dict())
    with pytest.raises(ModelError, match=r"^iresnet50: \d+ tensors are missing, the first layer1\.1"):
        iresnet.load_network(data, "iresnet50")
