"""MTCNN's three networks, layer by layer as their authors built them (Zhang et al. 2016).

All take mid-grey-centred pixels, (value - 127.5) / 128, and give raw logits; P-Net is convolutional, so it scores
every 12-pixel cell of a canvas in steps of two. Dense layers run as convolutions of the whole map: a matrix product's
bits depend on the number of threads (O-Net's 1,152 inputs, one thread or two), a convolution's do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

CELL = 12  # pixels a side that P-Net looks at
STRIDE = 2  # pixels from one cell to the next
REFINE_SIDE = 24  # pixels a side of R-Net's input
OUTPUT_SIDE = 48  # pixels a side of O-Net's input


class ProposalNet(nn.Module):
    """P-Net: canvases [n, 3, h, w] (h and w even) -> [n, 6, h / 2 - 5, w / 2 - 5]: face logits 2, box 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.face, self.box = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, canvases: torch.Tensor) -> torch.Tensor:
        return self.finish(self.begin(canvases))

    def begin(self, canvases: torch.Tensor) -> torch.Tensor:
        """The first layer, at half the size: [n, 10, h / 2 - 1, w / 2 - 1]."""
        return _halve(_rectify(_convolve(canvases, self.conv1), self.prelu1.weight))

    def finish(self, halves: torch.Tensor) -> torch.Tensor:
        """All after the first layer: [n, 10, h, w] -> [n, 6, h - 4, w - 4]."""
        x = self.prelu3(_convolve(self.prelu2(_convolve(halves, self.conv2)), self.conv3))
        return _convolve(x, self.face, self.box)


class RefineNet(nn.Module):
    """R-Net: crops [n, 3, 24, 24] -> [n, 6]: face logits 2, box 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense, self.prelu_dense = nn.Conv2d(64, 128, 3), nn.PReLU(128)
        self.face, self.box = nn.Conv2d(128, 2, 1), nn.Conv2d(128, 4, 1)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        x = _pool(self.prelu1(_convolve(crops, self.conv1)))
        x = _pool(self.prelu2(_convolve(x, self.conv2)))
        x = self.prelu_dense(_convolve(self.prelu3(_convolve(x, self.conv3)), self.dense))
        return _convolve(x, self.face, self.box).flatten(1)


class OutputNet(nn.Module):
    """O-Net: crops [n, 3, 48, 48] -> [n, 16]: face logits 2, box 4, landmarks 10 (five x, then five y)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense, self.prelu_dense = nn.Conv2d(128, 256, 3), nn.PReLU(256)
        self.face, self.box, self.landmarks = nn.Conv2d(256, 2, 1), nn.Conv2d(256, 4, 1), nn.Conv2d(256, 10, 1)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        x = _pool(self.prelu1(_convolve(crops, self.conv1)))
        x = _pool(self.prelu2(_convolve(x, self.conv2)))
        x = _halve(self.prelu3(_convolve(x, self.conv3)))
        x = self.prelu_dense(_convolve(self.prelu4(_convolve(x, self.conv4)), self.dense))
        return _convolve(x, self.face, self.box, self.landmarks).flatten(1)


def _convolve(maps: torch.Tensor, *layers: nn.Conv2d) -> torch.Tensor:
    """The answers of layers of one kernel's size on the same maps, side by side.

    On a CPU always by oneDNN: left alone, PyTorch takes slower code of its own for small maps and, with one thread, for
    1x1 kernels, so that bits would depend on the number of threads.
    """
    weight, bias = layers[0].weight, layers[0].bias
    if len(layers) > 1:
        weight = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.bias for layer in layers if layer.bias is not None])
    ours = maps.device.type == "cpu" and maps.dtype == torch.float32
    if ours and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return torch.mkldnn_convolution(maps, weight, bias, (0, 0), (1, 1), (1, 1), 1)
    return F.conv2d(maps, weight, bias)


def _rectify(maps: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """PReLU, a row of the map at a time.

    Of channels-last maps PyTorch's own takes a pixel at a time, and ten channels fill no register of sixteen: it takes
    seven times as long.
    """
    n, channels, height, width = maps.shape
    rows = maps.permute(0, 2, 3, 1).reshape(n * height, width * channels)
    found = torch._prelu_kernel(rows, slopes.repeat(width).expand_as(rows))
    return found.view(n, height, width, channels).permute(0, 3, 1, 2)


def _halve(maps: torch.Tensor) -> torch.Tensor:
    """2x2 max pooling of maps with even sides; three times as fast on a CPU as `max_pool2d` in channels-last order."""
    rows = torch.maximum(maps[..., ::2, :], maps[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def _pool(maps: torch.Tensor) -> torch.Tensor:
    """3x3 max pooling in steps of two, partial windows at the end included: `max_pool2d(maps, 3, 2, ceil_mode=True)`.

    Without the indices that `max_pool2d` writes beside its answer, which take twice the maps' memory.
    """
    return _pool_columns(_pool_columns(maps.transpose(2, 3)).transpose(2, 3))


def _pool_columns(maps: torch.Tensor) -> torch.Tensor:
    """Maxima of three columns in steps of two, of maps at least 3 wide."""
    width = maps.shape[3]
    pairs = torch.maximum(maps[..., : width - 1 : 2], maps[..., 1::2])
    whole = pairs[..., : (width - 1) // 2]
    torch.maximum(whole, maps[..., 2::2], out=whole)  # in place, because joining would lose the channels-last order
    return pairs


def _as_kernel(weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """A dense layer's [out, in] as a convolution's kernel [out, c, k, k]; `in` counts columns, rows, channels."""
    if weight.ndim != 2:
        return weight
    out, channels, side, _ = shape
    return weight.reshape(out, side, side, channels).permute(0, 3, 2, 1)


def load_networks(
    tensors: Mapping[str, npt.NDArray[Any]], device: torch.device, dtype: torch.dtype
) -> tuple[ProposalNet, RefineNet, OutputNet]:
    """The three networks with `weights.load_mtcnn`'s tensors, strictly: no name may be missing or left over."""
    networks = (ProposalNet(), RefineNet(), OutputNet())
    for prefix, network in zip(("pnet.", "rnet.", "onet."), networks, strict=True):
        shapes = {name: value.shape for name, value in network.state_dict().items()}
        own = {name.removeprefix(prefix): torch.tensor(tensors[name]) for name in tensors if name.startswith(prefix)}
        network.load_state_dict({name: _as_kernel(weight, shapes[name]) for name, weight in own.items()})
        network.eval().requires_grad_(False).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return networks
