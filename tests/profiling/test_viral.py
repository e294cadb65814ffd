"""Viral photos against loops over all pairs; circles of friends against strangers."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling import tables, viral
from profiling.viral import find_seeds, group_seeds, match_seeds, sightings_of_pictures, strangers, viral_pictures

FLIPS = st.sampled_from([0, 1, 2, 3, 7, 1 << 63, 0b11111, 1 << 40 | 1 << 20, (1 << 64) - 1, 0xFFFF])
HASHES = st.lists(FLIPS, max_size=25)


def as_hashes(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint64)


@given(HASHES, HASHES, st.integers(0, 6))
def test_a_hash_is_a_copy_of_the_nearest_seed_within_the_bits(values: list[int], others: list[int], bits: int) -> None:
    seeds = np.unique(as_hashes(others))
    found = match_seeds(as_hashes(values), seeds, bits)
    for value, place in zip(values, found.tolist(), strict=True):
        apart = [(value ^ seed).bit_count() for seed in seeds.tolist()]
        near = [k for k, distance in enumerate(apart) if distance <= bits and distance == min(apart)]
        assert place == (near[0] if near else -1)


@given(HASHES, st.integers(0, 6), st.integers(1, 5))
def test_pictures_are_components_of_near_seeds_in_bounded_memory(values: list[int], bits: int, at_once: int) -> None:
    seeds = np.unique(as_hashes(values))
    graph = nx.Graph()
    graph.add_nodes_from(range(len(seeds)))
    graph.add_edges_from(
        (i, j) for i, one in enumerate(seeds.tolist()) for j, other in enumerate(seeds.tolist()[:i])
        if (one ^ other).bit_count() <= bits
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(viral, "CANDIDATES_AT_ONCE", at_once)
        found = group_seeds(seeds, bits)
    expected = {frozenset(part) for part in nx.connected_components(graph)}
    assert {frozenset(np.flatnonzero(found == k).tolist()) for k in set(found.tolist())} == expected


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_no_more_strangers_are_counted_than_there_are(seed: int, density: float) -> None:
    graph = nx.gnp_random_graph(9, density, seed=seed)
    found = strangers(np.arange(9), lambda row: sorted(graph[row]))
    most = max(len(clique) for clique in nx.find_cliques(nx.complement(graph)))
    assert 1 <= found <= most + 1e-9


def test_a_circle_of_friends_is_one_owner_and_strangers_are_many() -> None:
    circle = np.arange(100, 130)
    assert strangers(circle, lambda row: circle[circle != row]) == pytest.approx(1.0)
    assert strangers(circle, lambda row: np.array([5, 7])) == 30.0
    pictures = np.repeat([3, 8], 30)
    owners = np.tile(circle, 2)
    assert viral_pictures(pictures, owners, lambda row: circle[circle != row], 2).tolist() == []
    assert viral_pictures(pictures, owners, lambda row: [], 30).tolist() == [3, 8]
    assert viral_pictures(np.repeat(3, 60), np.repeat(circle, 2), lambda row: [], 31).tolist() == []


def test_a_seed_is_held_by_several_owners_not_by_one_many_times() -> None:
    hashes = as_hashes([9, 9, 9, 9, 9, 4, 4, 4, 4, 4])
    owners = np.array([1, 2, 3, 4, 5, 7, 7, 7, 7, 6])
    assert find_seeds(hashes, owners, 20).tolist() == [9]
    assert find_seeds(hashes, owners, 8).tolist() == [4, 9]
    assert find_seeds(hashes[:0], owners[:0], 8).tolist() == []


def test_only_selected_photos_with_faces_are_looked_at() -> None:
    seen = pa.Table.from_pylist(
        [
            {"photo_id": 3, "faces": 1, "perceptual_hash": 30},
            {"photo_id": 1, "faces": 2, "perceptual_hash": 1 << 63},
            {"photo_id": 2, "faces": 0, "perceptual_hash": 20},
            {"photo_id": 4, "faces": 1, "perceptual_hash": None},
            {"photo_id": 5, "faces": 1, "perceptual_hash": 50},
        ],
        schema=tables.SEEN,
    )
    selection = pa.Table.from_pylist(
        [{"owner_id": 70, "photo_id": 3}, {"owner_id": 60, "photo_id": 1}, {"owner_id": 60, "photo_id": 4}],
        schema=tables.SELECTION,
    )
    users = pa.table({"user_id": [60, 70], "row": pa.array([12, 13], pa.int32())})
    photo_id, owner, hashes = sightings_of_pictures(selection, seen, users)
    assert photo_id.tolist() == [1, 3]
    assert owner.tolist() == [12, 13]
    assert hashes.tolist() == [1 << 63, 30]
    empty = sightings_of_pictures(selection.slice(0, 0), seen.slice(0, 0), users.slice(0, 0))
    assert [len(column) for column in empty] == [0, 0, 0]
