"""Similarity thresholds of a network, from faces whose people are known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

FALSE_ACCEPTS = (0.01, 0.001, 0.0001)  # rates over pairs of different people for which thresholds are kept
DIGITS = 4  # of thresholds: more would be noise, and differ between machines
ROWS_AT_ONCE = 1024  # of the similarity matrix

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def pair_similarities(vectors: Floats, people: Ints) -> tuple[Floats, Floats]:
    """Cosines of all pairs: of one person, and of two people.

    `vectors` float32 [n, dim], unit length; `people` [n]. As stored in the lake: float16, multiplied in float64.
    Memory: 4 bytes a pair, so 50 MB for 5,000 faces.
    """
    same, different = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for first, cosines in _rows(vectors):
        later = np.arange(len(people))[None, :] > np.arange(first, first + len(cosines))[:, None]
        one = people[first : first + len(cosines), None] == people[None, :]
        same.append(cosines[later & one])
        different.append(cosines[later & ~one])
    return np.concatenate(same), np.concatenate(different)


def fit_thresholds(different: Floats) -> dict[str, float]:
    """Cosine from which pairs count as one person, for each of `FALSE_ACCEPTS`, from cosines of different people."""
    cosines = np.quantile(different, [1 - rate for rate in FALSE_ACCEPTS], method="higher")
    return {f"{rate:g}": round(float(cosine), DIGITS) for rate, cosine in zip(FALSE_ACCEPTS, cosines, strict=True)}


def _rows(vectors: Floats) -> Iterator[tuple[int, Floats]]:
    wide = vectors.astype(np.float16).astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    for first in range(0, len(wide), ROWS_AT_ONCE):
        yield first, (wide[first : first + ROWS_AT_ONCE] @ wide.T).astype(np.float32)
