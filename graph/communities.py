"""Circles of one user's friends: school, family, work, as the friendships among them draw them."""

from __future__ import annotations

import networkx as nx
import numpy as np
import numpy.typing as npt

from graph.friendships import Friendships

SEED = 20180307  # any fixed number: Louvain visits nodes in a shuffled order


def ego_communities(friendships: Friendships, row: int, order: npt.NDArray[np.int64] | None = None) -> list[list[int]]:
    """Split the friends of `row` into communities of the friendships among them.

    Parameters
    ----------
    order : int64 [N], a number of each row that names it for good (the user id). Louvain depends on the order of the
        nodes; with ids it does not depend on how the rows were numbered. None = the rows themselves.

    Returns
    -------
    positions in `friendships.friends(row)`, ascending within each community; largest community first, ties by the
    smallest `order`. Friends who know none of the others are communities of one.

    Notes
    -----
    Louvain (Blondel et al. 2008) of networkx on the ego graph without the ego: 10 to 50 ms at 200 friends, so only
    for users whose friends' ages leave a doubt.
    """
    friends = friendships.friends(row)
    names = friends if order is None else order[friends]
    canonical = np.argsort(names, kind="stable")
    place = np.empty(len(friends), np.int64)
    place[canonical] = np.arange(len(friends))
    a, b = friendships.ego_edges(row)
    ends = np.sort(np.stack([place[a], place[b]], axis=1), axis=1)
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    graph = nx.Graph()
    graph.add_nodes_from(range(len(friends)))
    graph.add_edges_from(ends.tolist())
    found = [sorted(community) for community in nx.community.louvain_communities(graph, seed=SEED)]
    found.sort(key=lambda community: (-len(community), community[0]))
    return [sorted(int(canonical[node]) for node in community) for community in found]
