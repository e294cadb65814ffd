"""How many people an album shows, counted in the album itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from profiling.clustering import dbscan_albums

Ints = npt.NDArray[np.int64]


def count_people(vectors: npt.NDArray[np.float16], bounds: Ints, weight: Ints, eps: float) -> Ints:
    """About how many people each album shows, passers-by included.

    Faces that a chain of links of at most `eps` joins count as one person, a face without link as one too. At the
    strictest eps of a network's curve this is rarely one person too few and often a few too many: on the dev population
    (dlib, 284 albums with a median of 10 people) its logarithm correlates with that of the true number by the figure in
    docs/decisions/0004-models.md, where the most faces on one photo, the sure lower bound, reaches .60.

    Parameters
    ----------
    vectors : float16 [n, dim], about unit length. bounds : int64 [albums + 1], rows of album a.
    weight : int64 [n], 0 = the face of a near-duplicate photo, which counts nothing.
    eps : cosine distance.

    Returns
    -------
    int64 [albums], at least 1.
    """
    counted = np.flatnonzero(weight > 0)
    album = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))[counted]
    edges = np.searchsorted(album, np.arange(len(bounds)))
    labels = dbscan_albums(vectors[counted], edges, np.full(len(bounds) - 1, eps), 1)
    people = np.zeros(len(bounds) - 1, np.int64)
    np.maximum.at(people, album, labels.astype(np.int64) + 1)
    return np.maximum(people, 1)
