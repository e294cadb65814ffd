"""EdgeFace-XS for a CPU: timm's network with its layers folded into each other, maps kept with channels last.

Folded into the matrices: a normalisation's scale and shift, a layer scale, GELU, the sums of the positional encoding
for chips of 112 pixels. Measured on one core: a quarter more faces a second than timm's modules (docs/benchmarks.md).
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from profiling.embedding.channel_statistics import channel_statistics
from profiling.embedding.onednn import After, Convolution, Linear

STEM_SIDE = 28  # pixels a side after the stem
SHORTEST = 1e-12  # of a row of the attention, as torch.nn.functional.normalize has it


class FusedEdgeFace(nn.Module):
    """Chips as the plain network takes them, exactly `n` of them, on a CPU. Weights are taken at once."""

    def __init__(self, plain: Any, n: int, probed: int) -> None:
        super().__init__()
        model, side = plain.model, STEM_SIDE
        self._probed = probed
        self._stem = Convolution(model.stem[0], n, 4 * side)
        self._stem_norm = model.stem[1]
        self._stages: list[tuple[Any, list[_ConvBlock | _AttentionBlock]]] = []
        for stage in model.stages:
            shrink = None
            if isinstance(stage.downsample, nn.Sequential):
                norm, halve = cast("tuple[Any, Any]", stage.downsample)
                shrink = (norm, Convolution(halve, n, side))
                side //= 2
            blocks = [(_AttentionBlock if hasattr(b, "xca") else _ConvBlock)(b, n, side) for b in stage.blocks]
            self._stages.append((shrink, blocks))
        self._end = model

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and features, as the plain network gives them."""
        x = _normalise(self._stem_norm, self._stem(x))
        maps = []
        for shrink, blocks in self._stages:
            if shrink is not None:
                x = shrink[1](_normalise(shrink[0], x))
            for block in blocks:
                x = block(x)
            maps.append(x)
        vectors: torch.Tensor = self._end.forward_head(self._end.norm_pre(x))
        return vectors, channel_statistics(maps[-self._probed :])


class _Mlp:
    """Normalise, widen, GELU, narrow, scale: two passes of a matrix."""

    def __init__(self, plain: Any, rows: int) -> None:
        self._widen = _after_norm(plain.norm, plain.mlp.fc1, rows, "gelu")
        self._narrow = _scaled(plain.mlp.fc2, plain.gamma, rows)
        self._eps = plain.norm.eps

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self._narrow(self._widen(F.layer_norm(x, x.shape[-1:], eps=self._eps)))


class _ConvBlock:
    def __init__(self, plain: Any, n: int, side: int) -> None:
        self._look = Convolution(plain.conv_dw, n, side)
        self._mlp = _Mlp(plain, n * side * side)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x + self._mlp(self._look(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _AttentionBlock:
    """timm's SplitTransposeBlock: convolutions that see each other, attention between channels, the two matrices."""

    def __init__(self, plain: Any, n: int, side: int) -> None:
        rows = n * side * side
        self._looks = [Convolution(each, n, side) for each in plain.convs]
        self._place = None
        if plain.pos_embd is not None:
            with torch.no_grad():
                self._place = plain.pos_embd((1, side, side)).permute(0, 2, 3, 1).contiguous()
        self._asked = _after_norm(plain.norm_xca, plain.xca.qkv, rows)
        self._answer = _scaled(plain.xca.proj, plain.gamma_xca, rows)
        self._heads, self._temperature = plain.xca.num_heads, plain.xca.temperature.detach()
        self._eps = plain.norm_xca.eps
        self._mlp = _Mlp(plain, rows)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        parts = [part.permute(0, 2, 3, 1) for part in self._look(x)]
        y = torch.cat(parts, 3)
        if self._place is not None:
            y = y + self._place
        y = y + self._answer(self._attend(self._asked(F.layer_norm(y, y.shape[-1:], eps=self._eps))))
        return x + self._mlp(y).permute(0, 3, 1, 2)

    def _look(self, x: torch.Tensor) -> list[torch.Tensor]:
        *seen, last = x.chunk(len(self._looks) + 1, dim=1)
        found: list[torch.Tensor] = []
        for look, part in zip(self._looks, seen, strict=True):
            given = part + found[-1] if found else part
            found.append(look(given.contiguous(memory_format=torch.channels_last)))
        return [*found, last]

    def _attend(self, asked: torch.Tensor) -> torch.Tensor:
        """[n, h, w, 3 channels] -> [n, h, w, channels]. Rows are made unit length after their products, not before."""
        n, h, w, _ = asked.shape
        one_by_one = asked.view(n, h * w, 3, self._heads, -1)
        length = one_by_one[:, :, :2].float().square().sum(1).sqrt().clamp_min(SHORTEST).to(asked.dtype)
        query, key, value = one_by_one.permute(2, 0, 3, 4, 1).unbind(0)
        alike = query @ key.transpose(-2, -1)
        alike = alike / length[:, 0, :, :, None] / length[:, 1, :, None, :] * self._temperature
        answer: torch.Tensor = alike.softmax(-1) @ value
        return answer.permute(0, 3, 1, 2).reshape(n, h, w, -1)


def _normalise(norm: Any, x: torch.Tensor) -> torch.Tensor:
    """timm's LayerNorm2d on a map with channels last."""
    last = x.permute(0, 2, 3, 1)
    return F.layer_norm(last, norm.normalized_shape, norm.weight, norm.bias, norm.eps).permute(0, 3, 1, 2)


def _after_norm(norm: nn.LayerNorm, plain: nn.Linear, rows: int, after: After = "none") -> Linear:
    """A matrix that takes over the scale and the shift of the normalisation before it."""
    weight, dtype = plain.weight.detach().float(), plain.weight.dtype
    bias = plain.bias.detach().float() + weight @ norm.bias.detach().float()
    return Linear((weight * norm.weight.detach().float()).to(dtype), bias.to(dtype), rows, after)


def _scaled(plain: nn.Linear, scale: torch.Tensor, rows: int) -> Linear:
    """A matrix that takes over the layer scale after it."""
    factor = scale.detach()
    return Linear(plain.weight.detach() * factor[:, None], plain.bias.detach() * factor, rows)
