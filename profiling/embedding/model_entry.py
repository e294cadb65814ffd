"""What is known of one embedding network before its weights are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from profiling.chips import ChipSpec


@dataclass(frozen=True)
class ModelEntry:
    """One embedding network.

    Parameters
    ----------
    id : what settings, tables and the profile store call it.
    dim : numbers of a vector.
    features : numbers of what the age and gender probe reads; may be the vector itself.
    chip : size and template of the aligned chip.
    colour : order of the channels that the network was trained on. A wrong order costs accuracy and shows no error.
    mean, scale : the network sees (pixel - mean) / scale, pixels 0 to 255, both in the order of `colour`.
    network : module that defines ``load_network(data: bytes, **options) -> torch.nn.Module``.
    weights : the file; relative to the package that carries it, or the name it is usually given.
    weights_bytes, sha256 : the file's size and its hash.
    package : Python package that carries the file, or None when it only comes from ``KITH_MODELS``.
    licence, source : of the weights.
    options : what `network` is told beside the bytes, where they do not say it themselves.
    described : whether a description file made the entry, so that all of it can change while the weights stay.
    """

    id: str
    title: str
    dim: int
    features: int
    chip: ChipSpec
    colour: Literal["rgb", "bgr"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    network: str
    weights: str
    weights_bytes: int
    sha256: str
    package: str | None
    licence: str
    source: str
    options: tuple[tuple[str, str], ...] = ()
    described: bool = False

    @property
    def vectors_id(self) -> str:
        """What two runs must share for their vectors to be comparable: the weights and how they are fed.

        Of a built-in network the weights' SHA-256, because its entry is code; else a SHA-256 of weights, layout, chip,
        colours and scaling.
        """
        if not self.described:
            return self.sha256
        fed = (self.dim, self.chip, self.colour, self.mean, self.scale, self.network, self.options)
        return hashlib.sha256(repr((self.sha256, *fed)).encode()).hexdigest()
