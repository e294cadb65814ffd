"""Friends' profiles against a loop over all of them, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest

from profiling import friend_evidence as module
from profiling import near_friends
from profiling.friend_evidence import FAR, NEAR, friend_evidence

EPS = 0.2


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    users, dim = 30, 8
    people = rng.normal(size=(6, dim))
    middle = people[rng.integers(6, size=70)] + 0.2 * rng.normal(size=(70, dim))
    profiles = people[rng.integers(6, size=(users, 2))] + 0.2 * rng.normal(size=(users, 2, dim))
    profiles[rng.random((users, 2)) < 0.5] = 0
    owner = np.sort(rng.integers(users, size=70))
    friends = [np.sort(rng.choice(users, size=rng.integers(0, 8), replace=False)) for _ in range(users)]
    indptr = np.cumsum([0, *map(len, friends)])
    return owner, unit(middle), indptr, np.concatenate(friends).astype(np.int32), unit(profiles)


def unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float16)


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_loop_over_friends(seed: int) -> None:
    owner, middle, indptr, friends, profiles = drawn(seed)
    found = friend_evidence(owner, middle, indptr, friends, profiles, EPS)
    for c, u in enumerate(owner):
        apart: dict[int, float] = {}
        for row in friends[indptr[u] : indptr[u + 1]].tolist():
            for slot in profiles[row].astype(float):
                if slot.any():
                    centre = middle[c].astype(float)
                    distance = 1 - centre @ slot / np.linalg.norm(centre) / np.linalg.norm(slot)
                    apart[row] = min(apart.get(row, 9.0), distance / EPS)
        if not apart:
            assert np.isnan(found.friend_distance[c])
            assert np.isnan(found.friends_near[c])
            assert np.isnan(found.friend_runner_up[c])
            assert found.nearest[c] == -1
            continue
        assert found.friend_distance[c] == pytest.approx(min(max(min(apart.values()), 0), FAR), abs=1e-6)
        assert found.friends_near[c] == pytest.approx(np.log1p(sum(d < NEAR for d in apart.values())), abs=1e-6)
        near = sorted(min(max(d, 0), FAR) for d in apart.values())
        if len(near) < 2:
            assert np.isnan(found.friend_runner_up[c])
        else:
            assert found.friend_runner_up[c] == pytest.approx(near[1] - near[0], abs=1e-6)
        assert apart[found.nearest[c]] == pytest.approx(min(apart.values()), abs=1e-12)


def test_chunks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    world = drawn(9)
    whole = friend_evidence(*world, EPS)
    monkeypatch.setattr(module, "READ_BYTES", 100)
    monkeypatch.setattr(near_friends, "BLOCK", 8)
    parts = friend_evidence(*world, EPS)
    np.testing.assert_array_equal(whole.friend_distance, parts.friend_distance)
    np.testing.assert_array_equal(whole.friends_near, parts.friends_near)
    np.testing.assert_array_equal(whole.friend_runner_up, parts.friend_runner_up)
    np.testing.assert_array_equal(whole.nearest, parts.nearest)


def test_distances_are_in_units_of_eps() -> None:
    owner, middle, indptr, friends, profiles = drawn(3)
    one = friend_evidence(owner, middle, indptr, friends, profiles, EPS).friend_distance
    half = friend_evidence(owner, middle, indptr, friends, profiles, EPS / 2).friend_distance
    inside = half < FAR
    assert inside.any()
    np.testing.assert_allclose(half[inside], 2 * one[inside], rtol=1e-6)


def test_nobody_has_clusters_or_friends() -> None:
    none, middle = np.zeros(0, np.int64), np.zeros((0, 4), np.float16)
    empty = friend_evidence(none, middle, np.zeros(2, int), none.astype(np.int32), np.zeros((1, 2, 4), np.float16), EPS)
    assert len(empty.friend_distance) == 0


def in_float64(owner, middle, indptr, friends, profiles, eps):  # type: ignore[no-untyped-def]
    """The same user by user, all distances in float64, whose products of float16 numbers are exact."""
    found = module.FriendEvidence.unknown(len(owner))
    for u in np.unique(owner):
        mine, rows = owner == u, friends[indptr[u] : indptr[u + 1]].astype(np.int64)
        rows = rows[profiles[rows].any(axis=(1, 2))]
        if not len(rows):
            continue
        wide, ours = profiles[rows].astype(float), middle[mine].astype(float)
        length = np.sqrt((wide**2).sum(axis=2))
        scale = np.sqrt((ours**2).sum(axis=1))[:, None] * np.where(length > 0, length, 1).reshape(1, -1)
        apart = (1.0 - ours @ wide.reshape(-1, wide.shape[2]).T / scale).reshape(len(ours), *length.shape)
        apart = np.where(length > 0, apart, np.inf).min(axis=2) / eps
        nearest = apart.min(axis=1)
        found.friend_distance[mine] = np.clip(nearest, 0.0, FAR)
        found.friends_near[mine] = np.log1p((apart < NEAR).sum(axis=1))
        if len(rows) > 1:
            first, second = np.sort(np.clip(apart, 0.0, FAR), axis=1)[:, :2].T
            found.friend_runner_up[mine] = second - first
        found.nearest[mine] = np.where(apart == nearest[:, None], rows, np.iinfo(np.int64).max).min(axis=1)
    return found


@pytest.mark.parametrize("eps", [1e-4, 0.05, 0.2, 0.9, 3.0])
def test_not_a_bit_differs_from_float64(eps: float) -> None:
    for seed in range(20):
        owner, middle, indptr, friends, profiles = drawn(seed)
        profiles[1] = profiles[0]  # two friends at the same distance
        profiles[2] = -profiles[2]
        found = friend_evidence(owner, middle, indptr, friends, profiles, eps)
        expected = in_float64(owner, middle, indptr, friends, profiles, eps)
        for name in ("friend_distance", "friends_near", "friend_runner_up", "nearest"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=f"{name}, {seed}")
