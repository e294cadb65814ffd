"""Hubs against a comparison of every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling import hubs
from profiling.hubs import find_hubs


def drawn(seed: int, count: int, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Profiles near one of a few faces, some users with two."""
    rng = np.random.default_rng(seed)
    faces = rng.normal(size=(people, 16))
    vectors = faces[rng.integers(0, people, count)] + 0.05 * rng.normal(size=(count, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16), np.sort(rng.integers(-(2**62), 2**62, count))[rng.integers(0, count, count)]


def near_by_pairs(vectors: np.ndarray, owners: np.ndarray, cosine: float) -> dict[int, int]:
    similar = vectors.astype(np.float32) @ vectors.astype(np.float32).T > cosine
    return {int(u): len(set(owners[similar[owners == u].any(axis=0)].tolist()) - {int(u)}) for u in np.unique(owners)}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 20), st.sampled_from([1, 7, 1024]))
def test_counts_are_those_of_all_pairs_in_any_blocks(seed: int, count: int, people: int, block: int) -> None:
    vectors, owners = drawn(seed, count, people)
    expected = near_by_pairs(vectors, owners, 0.95)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hubs, "BLOCK", block)
        found = find_hubs(vectors, owners, cosine=0.95, limit=3)
    assert found.users == found.probed == len(expected)
    assert found.shared == sum(near > 0 for near in expected.values())
    assert found.hubs == sum(near >= 3 for near in expected.values())
    ranked = sorted(((user, near) for user, near in expected.items() if near), key=lambda pair: (-pair[1], pair[0]))
    assert list(found.worst) == ranked[: hubs.LISTED]


def test_ones_own_second_profile_and_broken_vectors_are_no_company() -> None:
    one = np.full((1, 4), 0.5)
    vectors = np.concatenate([one, one, np.zeros((2, 4)), np.full((2, 4), np.nan)]).astype(np.float16)
    found = find_hubs(vectors, np.array([1, 1, 2, 3, 4, 5]), cosine=0.9, limit=1)
    assert (found.users, found.shared, found.hubs, found.worst) == (5, 0, 0, ())


def test_of_more_users_than_probes_the_choice_ignores_their_order() -> None:
    vectors, owners = drawn(5, 400, 4)
    order = np.random.default_rng(1).permutation(400)
    found = find_hubs(vectors, owners, 0.9, 10, probes=50)
    assert found.probed == 50
    assert found == find_hubs(vectors[order], owners[order], 0.9, 10, probes=50)


def test_nobody_has_a_profile() -> None:
    assert find_hubs(np.zeros((0, 8), np.float16), np.zeros(0, np.int64), 0.98, 10).to_json() == {
        "users": 0, "probed": 0, "shared": 0, "hubs": 0, "worst": []
    }  # fmt: skip
