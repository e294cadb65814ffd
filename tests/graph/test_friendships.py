"""Friendships agree with networkx, however they are cut into chunks."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.friendships import Friendships

PAIRS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=80)


def both_ways(pairs: list[tuple[int, int]], n: int = 20) -> tuple[Friendships, nx.Graph]:
    oracle = nx.Graph()
    oracle.add_nodes_from(range(n))
    oracle.add_edges_from((a, b) for a, b in pairs if a != b)
    return Friendships.of_edges(n, [a for a, _ in pairs], [b for _, b in pairs]), oracle


@given(PAIRS)
def test_friends_are_the_graph_s_neighbours_ascending(pairs):
    friendships, oracle = both_ways(pairs)
    assert friendships.rows == 20
    for row in range(20):
        assert friendships.friends(row).tolist() == sorted(oracle.neighbors(row))
        assert friendships.friends(row).dtype == np.int32


@given(PAIRS)
def test_ego_edges_are_the_friendships_among_friends(pairs):
    friendships, oracle = both_ways(pairs)
    for row in range(20):
        friends = friendships.friends(row)
        a, b = friendships.ego_edges(row)
        found = [(int(friends[i]), int(friends[j])) for i, j in zip(a, b, strict=True)]
        expected = nx.Graph(oracle.subgraph(oracle.neighbors(row))).edges
        assert found == sorted((min(edge), max(edge)) for edge in expected)


@given(PAIRS, st.lists(st.integers(0, 20), max_size=6), st.integers(0, 20), st.integers(0, 20))
def test_chunks_change_nothing(pairs, cuts, first, last):
    whole, _ = both_ways(pairs)
    edges = [0, *sorted(cuts), 20]
    cut = Friendships.of_chunks([whole.neighbours(a, b) for a, b in itertools.pairwise(edges)])
    first, last = min(first, last), max(first, last)
    for ours, theirs in zip(cut.neighbours(first, last), whole.neighbours(first, last), strict=True):
        assert ours.tolist() == theirs.tolist()
        assert ours.dtype == theirs.dtype
    for row in range(20):
        assert cut.friends(row).tolist() == whole.friends(row).tolist()
        assert [part.tolist() for part in cut.ego_edges(row)] == [part.tolist() for part in whole.ego_edges(row)]


@given(PAIRS, st.randoms(use_true_random=False))
def test_order_direction_and_repeats_of_pairs_change_nothing(pairs, random):
    shuffled = [(b, a) if random.random() < 0.5 else (a, b) for a, b in pairs + pairs[:3]]
    random.shuffle(shuffled)
    ours, theirs = both_ways(pairs)[0], both_ways(shuffled)[0]
    for left, right in zip(ours.neighbours(0, 20), theirs.neighbours(0, 20), strict=True):
        assert left.tolist() == right.tolist()


@given(PAIRS, st.lists(st.integers(0, 19), max_size=12))
def test_any_rows_come_in_the_order_asked(pairs, rows):
    friendships, oracle = both_ways(pairs)
    indptr, indices = friendships.of_rows(rows)
    assert indptr[0] == 0
    for at, row in enumerate(rows):
        assert indices[indptr[at] : indptr[at + 1]].tolist() == sorted(oracle.neighbors(row))


def test_memory_mapped_chunks_are_read_in_place(tmp_path):
    whole = Friendships.of_edges(6, [0, 1, 4], [1, 2, 5])
    chunks = []
    for number, (first, last) in enumerate([(0, 3), (3, 6)]):
        for name, part in zip(("indptr", "indices"), whole.neighbours(first, last), strict=True):
            np.save(tmp_path / f"{name}{number}.npy", part)
        chunks.append(tuple(np.load(tmp_path / f"{name}{number}.npy", mmap_mode="r") for name in ("indptr", "indices")))
    mapped = Friendships.of_chunks(chunks)
    assert np.shares_memory(mapped.friends(5), chunks[1][1])
    assert np.shares_memory(mapped.neighbours(3, 6)[1], chunks[1][1])
    assert [mapped.friends(row).tolist() for row in range(6)] == [[1], [0, 2], [1], [], [5], [4]]


def test_a_population_without_friendships_or_users_is_legal():
    for friendships in (Friendships.of_edges(0, [], []), Friendships.of_chunks([])):
        assert friendships.rows == 0
        assert [len(part) for part in friendships.neighbours(0, 0)] == [1, 0]
    lonely = Friendships.of_edges(2, [], [])
    assert lonely.friends(1).tolist() == []
    assert [len(part) for part in lonely.ego_edges(0)] == [0, 0]


def test_rows_outside_are_refused():
    friendships = Friendships.of_edges(2, [0], [1])
    for ask in (lambda: friendships.friends(2), lambda: friendships.friends(-1), lambda: friendships.neighbours(0, 3)):
        with pytest.raises(IndexError, match="friendships"):
            ask()
    with pytest.raises(ValueError, match="outside 0 to 1"):
        Friendships.of_edges(2, [0], [2])
    with pytest.raises(ValueError, match="chunk 0"):
        Friendships.of_chunks([(np.array([0, 2]), np.array([1], np.int32))])
