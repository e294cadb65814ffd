"""What `co_occurrence` depends on, as a digest for each user: the own clusters and those of the friends."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import Ints, find, integers
from profiling.digests import Digests, combine, digest_rows, sum_by_user


def album_digests(clusters: pa.Table, rows: Ints) -> Digests:
    """A digest of each album's clusters as friends see them, uint64 [users, 2]; zeros for an album without.

    Parameters
    ----------
    clusters : columns row, cluster, share, centroid of table ``clusters``. rows : int64 [users], ascending.
    """
    place = find(integers(clusters["row"]), rows)[0]
    return sum_by_user(digest_rows(clusters["cluster"], clusters["share"], clusters["centroid"]), place, len(rows))


def across_inputs(rows: Ints, indptr: Ints, friend_rows: npt.NDArray[np.int32], albums: Digests, rules: Any) -> Digests:
    """A digest of each user's inputs of `co_occurrence`, uint64 [users, 2].

    Parameters
    ----------
    rows : int64 [users]. indptr, friend_rows : the friends of the user at place u are
        ``friend_rows[indptr[u]:indptr[u + 1]]``, rows.
    albums : uint64 [population, 2], `album_digests` by row, usually memory-mapped.
    rules : JSON values that all users share.

    Notes
    -----
    Friends without clusters count nothing, nor do those of a user without; which friend has which album does not
    matter.
    """
    own = np.asarray(albums[rows])
    wanted, place = np.unique(friend_rows, return_inverse=True)
    theirs = np.asarray(albums[wanted])
    seen = _where_any(theirs, digest_rows(theirs))[place]
    owner = np.repeat(np.arange(len(rows)), np.diff(indptr))
    return combine(rules, own, _where_any(own, sum_by_user(seen, owner, len(rows))))


def _where_any(albums: Digests, values: Digests) -> Digests:
    """The values of albums with clusters, zeros for all others."""
    return values * albums.any(axis=1).astype(np.uint64).reshape(-1, 1)
