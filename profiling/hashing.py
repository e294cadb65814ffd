"""An even hash of ids, for choices that must not depend on order or on the number of buckets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def splitmix64(values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """Hash 64-bit integers, signed ones by their bits (finaliser of splitmix64, Steele et al. 2014)."""
    mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
