"""Runs of equal keys in sorted columns, and ranges of rows laid one after another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def fresh(keys: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Where a run of equal keys begins; bool [n]."""
    found = np.ones(len(keys), np.bool_)
    found[1:] = keys[1:] != keys[:-1]
    return found


def ranges(first: npt.NDArray[np.int64], count: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """All places of some ranges, one after another: ``first[k]`` to ``first[k] + count[k] - 1`` for each k."""
    return np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
