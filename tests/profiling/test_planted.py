"""A mistake does not feed on itself: users who are made to lead with another's face do not make others wrong."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from profiling.rounds import score_round
from profiling.scorer import Scorer
from profiling.settings import ScoringSettings
from profiling.training import TrainingTables, train_scorer
from profiling.vectors import pack_vectors, unpack_vectors
from tests.profiling.album_world import EPS, World, changed, draw_world

USERS = 120
PLANTED = 0.05  # of the users
SPREAD = 0.2  # others led astray, for one planted: far below 1, or a mistake would grow
ROUNDS = 7
Tables = tuple[pa.Table, pa.Table]


@cache
def world(seed: int) -> World:
    return draw_world(seed, USERS, heavy=0.4)


@cache
def trained() -> Scorer:
    """Fitted on a world of its own."""
    of = draw_world(seed=11, users=USERS, heavy=0.4)
    clusters, members = of.cluster()
    data = TrainingTables(of.users, clusters, of.indptr, of.friend_rows, EPS, "f" * 64)
    return train_scorer(data, of.labels(members))


@cache
def own(seed: int) -> frozenset[tuple[int, int]]:
    """(user_id, cluster) of the owners' clusters."""
    labels = world(seed).labels(clustered(seed)[1]).to_pylist()
    return frozenset((row["user_id"], row["cluster"]) for row in labels if row["owner"])


@cache
def clustered(seed: int) -> Tables:
    return world(seed).cluster()


def plant(seed: int, profiles: pa.Table, rng: np.random.Generator) -> tuple[pa.Table, set[int]]:
    """The round's table with some users led by another's face, and who these are."""
    clusters = clustered(seed)[0]
    centroid = unpack_vectors(clusters["centroid"])
    places: dict[int, list[int]] = {}
    for place, row in enumerate(clusters.select(["user_id", "cluster"]).to_pylist()):
        if (row["user_id"], row["cluster"]) not in own(seed):
            places.setdefault(row["user_id"], []).append(place)
    chosen = rng.choice(sorted(places), size=int(PLANTED * USERS), replace=False).tolist()
    vectors, leader = unpack_vectors(profiles["profile"]).copy(), np.asarray(profiles["leader"]).copy()
    for user in chosen:
        wrong = int(rng.choice(places[user]))
        leader[(user - 5) // 10] = clusters["cluster"][wrong].as_py()
        vectors[(user - 5) // 10] = centroid[wrong]
    profiles = changed(profiles, "leader", leader.tolist())
    reason = np.where(leader >= 0, "ok", np.asarray(profiles["reason"], object))
    place = profiles.column_names.index("profile")
    packed = pack_vectors(vectors, np.asarray(vectors.any(axis=1)))
    return changed(profiles, "reason", reason.tolist()).set_column(place, "profile", packed), set(chosen)


def wrong_users(seed: int, profiles: pa.Table) -> set[int]:
    pairs = zip(profiles["user_id"].to_pylist(), profiles["leader"].to_pylist(), strict=True)
    return {user for user, leader in pairs if leader >= 0 and (user, leader) not in own(seed)}


def run(seed: int, planted_in: int | None) -> tuple[list[pa.Table], set[int]]:
    """Tables `profiles` of all rounds, with mistakes planted after one of them, and whose they are."""
    of, (clusters, members) = world(seed), clustered(seed)
    planted: set[int] = set()
    made: list[pa.Table] = []
    for number in range(ROUNDS + 1):
        rows, last = None, made[-1] if made else None
        if last is not None:
            rows = np.stack([unpack_vectors(last[n]) for n in ("profile", "second_profile")], axis=1)
        found = score_round(
            round_number=number, users=of.users, people=of.people, clusters=clusters, members=members,
            selection=of.selection, seen=of.seen, indptr=of.indptr, friend_rows=of.friend_rows, profiles=rows,
            last=last, scorer=trained(), eps=EPS, settings=ScoringSettings(),
        )[1]  # fmt: skip
        if number == planted_in:
            found, planted = plant(seed, found, np.random.default_rng(seed))
        made.append(found)
    return made, planted


@pytest.mark.parametrize("planted_in", [0, 1, 3])
@pytest.mark.parametrize("seed", [1, 2, 3, 5])
def test_a_planted_mistake_does_not_spread(seed: int, planted_in: int) -> None:
    calm, _ = run(seed, None)
    disturbed, planted = run(seed, planted_in)
    assert len(planted & wrong_users(seed, disturbed[planted_in])) == len(planted) == int(PLANTED * USERS)
    before, after = wrong_users(seed, calm[-1]), wrong_users(seed, disturbed[-1])
    assert not (after - before) & planted  # who was planted comes back, or has no profile
    assert len(after - before) <= SPREAD * len(planted)
    resolved = [sum(r == "ok" for r in each[-1]["reason"].to_pylist()) for each in (calm, disturbed)]
    assert resolved[1] >= resolved[0] - len(planted)
    assert not any(disturbed[-1]["moved"].to_pylist())
