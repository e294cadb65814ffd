"""Labels without truth: the tags by which people name an album's owner say which cluster the owner is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from profiling.albums import integers, numbers
from profiling.errors import PopulationError

CONFIRMED_WORTH = 2.0  # a tag that the owner confirmed against one that nobody answered; as `regression.KIN` has it
MIN_VOTE = 0.5  # evidence v / (1 + v) of one vote: one tag with a box on this face, or on a photo of this face alone
# What a unit of tag evidence is worth, because labels read from tags cannot teach it: one tag adds .2 to a weight, a
# little more than the least margin. Taught by truth on the dev population a unit is worth .3 to .6.
STATED = {"tags_owner": 0.4, "tags_confirmed": 0.8}


def weak_labels(clusters: pa.Table) -> pa.Table:
    """Label the albums in which tags name one cluster as the owner's, more than any other.

    Parameters
    ----------
    clusters : table ``clusters``; its evidence of tags is read.

    Returns
    -------
    table of every cluster of these albums, sorted by user_id, cluster: user_id, cluster, owner, as
    `training.train_scorer` takes it. Clusters that no tag names count as not the owner's.

    Raises
    ------
    PopulationError
        No tag names any owner: there is nothing to learn from.

    Notes
    -----
    On four populations of 200 to 300 users each, between 90 and 138 albums are labelled, and no label is wrong, though
    3 % of the tags are. Users whom nobody tags are missing, and they may be harder: a precision that is measured on
    tagged users alone is a hope, not a promise.
    """
    order = np.lexsort((integers(clusters["cluster"]), integers(clusters["user_id"])))
    clusters = clusters.take(pa.array(order))
    vote = np.nan_to_num(numbers(clusters["tags_owner"]))
    vote += CONFIRMED_WORTH * np.nan_to_num(numbers(clusters["tags_confirmed"]))
    vote -= np.nan_to_num(numbers(clusters["tags_rejected"]))
    users, place = np.unique(integers(clusters["user_id"]), return_inverse=True)
    most = np.zeros(len(users))
    np.maximum.at(most, place, vote)
    first = (vote == most[place]) & (vote >= MIN_VOTE)
    clear = np.bincount(place[first], minlength=len(users)) == 1
    if not clear.any():
        raise PopulationError("tags: none names the owner of its album; give labelled users with --truth")
    labels = pa.table({"user_id": clusters["user_id"], "cluster": clusters["cluster"], "owner": pa.array(first)})
    return labels.filter(pa.array(clear[place]))
