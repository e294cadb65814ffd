"""Friends' albums against a loop over all clusters, whatever the chunks and buckets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from profiling import co_occurrence as module
from profiling import tables
from profiling.co_occurrence import CoOccurrence, FriendsAlbums, add_across, co_occurrence
from profiling.friend_evidence import NEAR

EPS = 0.2
USERS, DIM = 25, 8


@dataclass(frozen=True)
class Drawn:
    owner: np.ndarray  # [clusters], row
    centroids: np.ndarray
    shares: np.ndarray
    indptr: np.ndarray
    friends: np.ndarray

    def of_rows(self, rows: np.ndarray) -> CoOccurrence:
        """As a bucket of these rows (ascending) would compute it."""
        mine = np.isin(self.owner, rows)
        lists = [self.friends[self.indptr[row] : self.indptr[row + 1]] for row in rows]
        indptr = np.cumsum([0, *map(len, lists)])
        friends = np.concatenate([*lists, np.zeros(0, np.int32)]).astype(np.int32)
        albums = FriendsAlbums(np.searchsorted(self.owner, np.arange(USERS + 1)), self.centroids, self.shares)
        owner = np.searchsorted(rows, self.owner[mine])
        return co_occurrence(owner, self.centroids[mine], self.shares[mine], indptr, friends, albums, EPS)


def draw(seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(9, DIM))
    vectors = people[rng.integers(9, size=60)] + 0.15 * rng.normal(size=(60, DIM))
    friends = [np.sort(rng.choice(USERS, size=rng.integers(0, 7), replace=False)) for _ in range(USERS)]
    return Drawn(
        owner=np.sort(rng.integers(USERS, size=60)),
        centroids=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16),
        shares=rng.choice([0.1, 0.25, 0.5, 1.0], size=60).astype(np.float32),
        indptr=np.cumsum([0, *map(len, friends)]),
        friends=np.concatenate(friends).astype(np.int32),
    )


def same(one: CoOccurrence, other: CoOccurrence) -> None:
    for name in tables.ACROSS_EVIDENCE:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("seed", range(6))
def test_equals_a_loop_over_friends_and_their_clusters(seed: int) -> None:
    world = draw(seed)
    found = world.of_rows(np.arange(USERS))
    wide = world.centroids.astype(float)
    guests_seen = 0
    for c, row in enumerate(world.owner):
        held = {}
        for friend in world.friends[world.indptr[row] : world.indptr[row + 1]].tolist():
            for k in np.flatnonzero(world.owner == friend):
                apart = 1 - wide[c] @ wide[k] / np.linalg.norm(wide[c]) / np.linalg.norm(wide[k])
                held[friend] = max(held.get(friend, 0.0), world.shares[k] if apart < NEAR * EPS else 0.0)
        if not held:
            assert np.isnan(found.co_occurrence[c])
            assert np.isnan(found.friend_share[c])
            continue
        guests = sum(0 < share < world.shares[c] for share in held.values())
        guests_seen += guests
        assert found.co_occurrence[c] == pytest.approx(np.log1p(guests), abs=1e-6)
        assert found.friend_share[c] == max(held.values())
    assert guests_seen > 3


def test_chunks_and_buckets_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    world = draw(7)
    whole = world.of_rows(np.arange(USERS))
    monkeypatch.setattr(module, "CLUSTERS_A_CHUNK", 3)
    same(whole, world.of_rows(np.arange(USERS)))
    for k in range(3):
        rows = np.flatnonzero(np.arange(USERS) % 3 == k)
        mine = np.isin(world.owner, rows)
        part = world.of_rows(rows)
        same(CoOccurrence(*(getattr(whole, name)[mine] for name in tables.ACROSS_EVIDENCE)), part)


def test_who_fills_a_friends_album_is_told_from_the_guest_there() -> None:
    """Two friends on each other's photos: each album shows its owner more often."""
    one, other = np.eye(2, DIM)
    world = Drawn(
        owner=np.array([0, 0, 1, 1]),
        centroids=np.array([one, other, other, one]).astype(np.float16),
        shares=np.array([0.8, 0.4, 0.9, 0.3], np.float32),
        indptr=np.r_[0, 1, np.full(USERS - 1, 2)],
        friends=np.array([1, 0], np.int32),
    )
    found = world.of_rows(np.arange(USERS))
    np.testing.assert_allclose(found.co_occurrence, np.log1p([1, 0, 1, 0]), rtol=1e-6)
    np.testing.assert_allclose(found.friend_share, [0.3, 0.9, 0.4, 0.8], rtol=1e-6)


def test_without_friends_or_clusters_nothing_is_known() -> None:
    world = draw(8)
    alone = Drawn(world.owner, world.centroids, world.shares, np.zeros(USERS + 1, np.int64), np.zeros(0, np.int32))
    assert np.isnan(alone.of_rows(np.arange(USERS)).friend_share).all()
    none = world.of_rows(np.zeros(0, np.int64))
    assert len(none.co_occurrence) == 0


def test_columns_are_joined_to_the_same_rows_only() -> None:
    clusters = pa.table({"user_id": [1, 1, 2], "cluster": pa.array([0, 1, 0], pa.int16())})
    columns = {name: pa.array([0.5, None, 0.1], pa.float32()) for name in tables.ACROSS_EVIDENCE}
    across = pa.table({"user_id": clusters["user_id"], "cluster": clusters["cluster"], **columns})
    assert across.schema.equals(tables.CO_OCCURRENCE)
    joined = add_across(clusters, across)
    assert joined.column_names == ["user_id", "cluster", *tables.ACROSS_EVIDENCE]
    with pytest.raises(ValueError, match="rows"):
        add_across(clusters, across.slice(1))
