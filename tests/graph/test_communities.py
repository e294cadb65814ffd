"""Circles of friends are found, whatever the rows are numbered."""

import itertools

import numpy as np

from graph.communities import ego_communities
from graph.friendships import Friendships

CIRCLES = ([1, 2, 3, 4, 5, 6], [7, 8, 9, 10], [11, 12, 13])


def ego_of_three_circles(renumbered: np.ndarray) -> Friendships:
    """Row 0 knows three cliques, tied by single friendships, and 14, whom nobody else knows."""
    pairs = [pair for circle in CIRCLES for pair in itertools.combinations(circle, 2)]
    pairs += [(0, friend) for friend in range(1, 15)] + [(1, 7), (7, 11)]
    return Friendships.of_edges(15, renumbered[[a for a, _ in pairs]], renumbered[[b for _, b in pairs]])


def test_cliques_are_circles_largest_first_and_a_loner_is_his_own():
    friendships = ego_of_three_circles(np.arange(15))
    friends = friendships.friends(0)
    found = [friends[community].tolist() for community in ego_communities(friendships, 0)]
    assert found == [*CIRCLES, [14]]


def test_the_numbering_of_rows_does_not_matter_when_ids_order():
    for seed in range(5):
        row_of = np.random.default_rng(seed).permutation(15)
        ids = np.argsort(row_of).astype(np.int64)
        friendships = ego_of_three_circles(row_of)
        row = int(row_of[0])
        found = [sorted(ids[friendships.friends(row)[c]].tolist()) for c in ego_communities(friendships, row, ids)]
        assert found == [*CIRCLES, [14]]


def test_a_user_without_friends_has_no_circles():
    assert ego_communities(Friendships.of_edges(2, [], []), 1) == []
