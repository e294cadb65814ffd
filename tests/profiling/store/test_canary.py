"""The canary sees every kind of difference, and whoever is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from profiling.store import Snapshot, StoredProfile
from profiling.store.arrow_store import ArrowStore
from profiling.store.canary import differing_users, sample_users
from tests.profiling.store.populations import draw_profiles, publish

USERS = list(range(500))
NOBODY = np.zeros(0, np.int64)


class Spoilt(Snapshot):
    """A snapshot that answers something else for one user."""

    def __init__(self, inner: Snapshot, spoilt: StoredProfile) -> None:
        super().__init__(inner.generation)
        self._inner, self._spoilt = inner, spoilt

    def get_many(self, users: Sequence[int]) -> list[StoredProfile]:
        found = self._inner.get_many(users)
        return [self._spoilt if each.user_id == self._spoilt.user_id else each for each in found]


@pytest.fixture
def profiles() -> pa.Table:
    return draw_profiles(USERS, 1)


@pytest.fixture
def store(tmp_path: object, profiles: pa.Table) -> ArrowStore:
    store = ArrowStore.create(f"{tmp_path}/store")
    publish(store, "g1", profiles)
    return store


def test_equal_is_equal_and_every_difference_is_seen(store: ArrowStore, profiles: pa.Table) -> None:
    snapshot = store.snapshot()
    assert differing_users(snapshot, profiles, NOBODY) == []
    user = next(each for each in snapshot.get_many(USERS) if len(each.vectors) == 2)
    turned = user.vectors.copy()
    turned.view(np.uint16)[1, 3] ^= 1
    changes: list[dict[str, object]] = [
        {"vectors": turned},
        {"vectors": user.vectors[:1], "clusters": user.clusters[:1]},
        {"vectors": user.vectors[::-1]},
        {"reason": "no_margin"},
        {"reason": "unknown"},
        {"weight": user.weight + 0.5},
        {"faces": user.faces + 1},
        {"clusters": user.clusters[::-1]},
    ]
    for change in changes:
        spoilt = replace(user, **change)  # type: ignore[arg-type]
        if change.get("clusters") != user.clusters:
            assert differing_users(Spoilt(snapshot, spoilt), profiles, NOBODY) == [user.user_id], change


def test_who_is_on_the_ledger_must_be_hidden(store: ArrowStore, profiles: pa.Table) -> None:
    assert differing_users(store.snapshot(), profiles, np.array([7, 9])) == [7, 9]
    store.forget([7, 9, 11])
    assert differing_users(store.snapshot(), profiles, np.array([7, 9])) == []


def test_a_sample_holds_the_unusual_and_is_the_same_again(profiles: pa.Table) -> None:
    sample = sample_users(profiles, 60, 1)
    assert len(sample) <= 60
    assert sample["user_id"] == sample_users(profiles, 60, 1)["user_id"]
    kinds = {(row["reason"] == "ok", row["second"] >= 0) for row in sample.to_pylist()}
    assert kinds == {(True, False), (True, True), (False, False)}
    assert sample_users(profiles, 60, 2)["user_id"] != sample["user_id"]
    assert len(sample_users(profiles, 10_000, 1)) == len(profiles)
    assert len(sample_users(profiles.slice(0, 0), 10, 1)) == 0
