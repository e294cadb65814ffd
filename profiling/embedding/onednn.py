"""Layers of a CPU's oneDNN with what follows them in the same pass: no map is written once to be read again.

These are the operators that `torch.compile` emits for a CPU; calling them by hand needs no compiler and no warm-up. The
weights are reordered once, for one shape of the input, to the layout that oneDNN's kernel wants; PyTorch's own
convolution does so in every call. PyTorch pins them to no promise, we pin PyTorch.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

After = Literal["none", "relu", "gelu"]
OPERATORS = (
    "_convolution_pointwise",
    "_reorder_convolution_weight",
    "_linear_pointwise",
    "_reorder_linear_weight",
)
_mkldnn: Any = torch.ops.mkldnn


def available(dtype: torch.dtype) -> bool:
    """Whether this build of PyTorch has the operators (builds without oneDNN do not), for `dtype` on this processor.

    bfloat16 wants AVX-512 or AVX-NE-CONVERT; PyTorch's plain layers do without, slowly.
    """
    if not (torch._C._has_mkldnn and all(hasattr(_mkldnn, name) for name in OPERATORS)):
        return False
    return dtype != torch.bfloat16 or bool(_mkldnn._is_mkldnn_bf16_supported())


class Convolution:
    """A convolution and `after`, with weights packed for inputs [n, channels, side, side] in channels-last layout."""

    def __init__(self, plain: nn.Conv2d, n: int, side: int, after: After = "none") -> None:
        self._how = (list(plain.padding), list(plain.stride), list(plain.dilation), plain.groups)
        shape = [n, plain.in_channels, side, side]
        self._weight = _mkldnn._reorder_convolution_weight(plain.weight.detach(), *self._how, shape)
        self._bias = None if plain.bias is None else plain.bias.detach()
        self._after = after

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, side, side] -> its map."""
        found: torch.Tensor = _mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._how, self._after, [], ""
        )
        return found

    def plus(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The convolution of `x`, plus `other`, then `after`: the end of a residual block."""
        found: torch.Tensor = _mkldnn._convolution_pointwise.binary(
            x, other, self._weight, self._bias, *self._how, "add", 1.0, self._after, [], ""
        )
        return found


class Linear:
    """x W^T + b and `after`, with weights packed for `rows` rows."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, rows: int, after: After = "none") -> None:
        self._weight = _mkldnn._reorder_linear_weight(weight.detach().contiguous(), rows)
        self._bias = bias.detach()
        self._after = after
        self._kind = "none" if after == "gelu" else ""  # of GELU: the exact one, not tanh's

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """[..., inputs] -> [..., outputs]."""
        found: torch.Tensor = _mkldnn._linear_pointwise(x, self._weight, self._bias, self._after, [], self._kind)
        return found
