"""In which order, and how many, faces of an album's clusters are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from profiling.tables import NO_CLUSTER

LAST = np.iinfo(np.int64).max


def in_turn(labels: npt.NDArray[np.integer], limit: int, first: Sequence[int] = ()) -> npt.NDArray[np.intp]:
    """Choose at most `limit` faces so that every cluster is seen, and put them in order.

    Faces are taken from all clusters in turn, one each, then a second each, until the limit; the chosen ones are
    returned by cluster (those of `first` at the front, faces of no cluster last), then in their own order.
    """
    cluster = np.asarray(labels).astype(np.int64)
    key = np.where(cluster == NO_CLUSTER, LAST, cluster)
    for place, number in enumerate(first):
        if number != NO_CLUSTER:
            key[cluster == number] = place - len(first)
    order = np.argsort(key, kind="stable")
    turn = np.empty(len(key), np.int64)
    turn[order] = np.arange(len(key)) - np.searchsorted(key[order], key[order], "left")
    kept = np.lexsort((key, turn))[:limit]
    return kept[np.lexsort((kept, key[kept]))]
