"""Copying results by digest: not a bit may differ from scoring everybody again."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.round_inputs import NO_PROFILE, count_known, profile_digests
from profiling.rounds import score_round
from profiling.scorer import Scorer
from profiling.settings import ScoringSettings
from profiling.vectors import pack_vectors, unpack_vectors
from tests.profiling.album_world import DIM, EPS, World, changed, draw_world, same_bits
from tests.profiling.test_rounds import scorer

USERS = 24
Tables = tuple[pa.Table, pa.Table]


@cache
def world(seed: int) -> World:
    return draw_world(seed, USERS, heavy=0.5)


@cache
def clustered(seed: int) -> Tables:
    return world(seed).cluster()


def score(
    of: World, clusters: pa.Table, members: pa.Table, number: int, before: Tables | None, **more: Any
) -> tuple[pa.Table, pa.Table]:
    profiles, last = None, None
    if before is not None:
        last = before[1]
        profiles = np.stack([unpack_vectors(last[n]) for n in ("profile", "second_profile")], axis=1)
    rules: dict[str, Any] = {"scorer": scorer(), "eps": EPS, "settings": ScoringSettings()} | more
    return score_round(
        round_number=number, users=of.users, people=of.people, clusters=clusters, members=members,
        selection=of.selection, seen=of.seen, indptr=of.indptr, friend_rows=of.friend_rows, profiles=profiles,
        last=last, **rules,
    )  # fmt: skip


def all_rounds(of: World, clusters: pa.Table, members: pa.Table, rounds: int) -> list[Tables]:
    made: list[Tables] = []
    for number in range(rounds + 1):
        made.append(score(of, clusters, members, number, made[-1] if made else None))
    return made


def copied(found: Tables, earlier: list[Tables]) -> int:
    """Users whose digest an earlier table knows."""
    return count_known(found[1], [profiles for _, profiles in earlier])


def without_clusters(of: World, clusters: pa.Table, gone: list[int]) -> pa.Table:
    """The clusters without the first cluster of some users."""
    ids = of.users["user_id"].take(pa.array(gone, pa.int64())).combine_chunks()
    first = pc.and_(pc.is_in(clusters["user_id"], value_set=ids), pc.equal(clusters["cluster"], 0))
    return clusters.filter(pc.invert(first))


def without_friends(of: World, lonely: list[int]) -> World:
    """The world in which some users have no friends (any more)."""
    lists = [of.friend_rows[of.indptr[u] : of.indptr[u + 1]] for u in range(USERS)]
    lists = [np.zeros(0, np.int32) if u in lonely else each for u, each in enumerate(lists)]
    return replace(of, indptr=np.cumsum([0, *map(len, lists)]), friend_rows=np.concatenate(lists).astype(np.int32))


few = st.lists(st.integers(0, USERS - 1), max_size=5, unique=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(1, 4), gone=few, lonely=few, refused=few)
def test_copied_rounds_equal_full_ones_bit_for_bit(
    seed: int, gone: list[int], lonely: list[int], refused: list[int]
) -> None:
    base, (clusters, members) = world(seed), clustered(seed)
    old = all_rounds(base, clusters, members, 4)
    new = without_friends(base, lonely)
    new = replace(new, users=changed(new.users, "consent", [u not in refused for u in range(USERS)]))
    clusters = without_clusters(base, clusters, gone)
    full = all_rounds(new, clusters, members, 4)
    before = None
    for number, expected in enumerate(full):
        earlier = [*([before] if before else []), old[number]]
        found = score(new, clusters, members, number, before, earlier=earlier)
        assert same_bits(found[0].combine_chunks(), expected[0].combine_chunks())
        assert same_bits(found[1].combine_chunks(), expected[1].combine_chunks())
        before = found


def test_a_round_that_changes_nothing_copies_everybody() -> None:
    of, (clusters, members) = world(2), clustered(2)
    rounds = all_rounds(of, clusters, members, 7)
    assert copied(rounds[1], [rounds[0]]) == 0  # other weights
    assert copied(rounds[7], [rounds[6]]) == USERS
    touched = {number: np.asarray(rounds[number][1]["moved"]) for number in range(8)}
    for number in range(3, 8):
        friends = [of.friend_rows[of.indptr[u] : of.indptr[u + 1]] for u in range(USERS)]
        calm = [not touched[number - 1][u] and not touched[number - 1][friends[u]].any() for u in range(USERS)]
        assert copied(rounds[number], [rounds[number - 1]]) >= sum(calm)


def test_the_same_population_is_copied_whole_from_its_own_generation() -> None:
    of, (clusters, members) = world(1), clustered(1)
    rounds = all_rounds(of, clusters, members, 2)
    assert [copied(each, [each]) for each in rounds] == [USERS] * 3
    doubled = changed(rounds[1][0], "weight", [9.0] * len(rounds[1][0]))
    found = score(of, clusters, members, 1, rounds[0], earlier=[(doubled, rounds[1][1])])
    assert set(found[0]["weight"].to_pylist()) == {9.0}  # it is from there that rows are taken


@pytest.mark.parametrize("what", ["margin", "weights", "eps", "logic", "evidence", "centroid", "friend", "claim"])
def test_whatever_a_result_depends_on_is_in_the_digest(what: str) -> None:
    of, (clusters, members) = world(1), clustered(1)
    before, old = all_rounds(of, clusters, members, 1)
    more: dict[str, Any] = {}
    everybody = what in ("margin", "weights", "eps", "logic")
    if what == "margin":
        more["settings"] = ScoringSettings(margin=0.33)
    elif what == "weights":
        more["scorer"] = Scorer("f" * 64, scorer().rounds[:1])
    elif what == "eps":
        more["eps"] = EPS * 1.001
    elif what == "logic":
        more["logic"] = 1
    elif what == "evidence":
        clusters = changed(clusters, "share", [0.123, *clusters["share"].to_pylist()[1:]])
    elif what == "centroid":
        turned = unpack_vectors(clusters["centroid"]).copy()
        turned[0] = -turned[0]
        place = clusters.column_names.index("centroid")
        clusters = clusters.set_column(place, "centroid", pack_vectors(turned))
    elif what == "claim":
        before = (before[0], changed(before[1], "losses", [1, *before[1]["losses"].to_pylist()[1:]]))
    else:
        profiles = unpack_vectors(before[1]["profile"]).copy()
        friend = int(next(u for u in of.friend_rows[of.indptr[0] : of.indptr[1]] if profiles[u].any()))
        profiles[friend] = np.roll(profiles[friend], 1)
        place = before[1].column_names.index("profile")
        packed = pack_vectors(profiles, np.asarray(profiles.any(axis=1)))
        before = (before[0], before[1].set_column(place, "profile", packed))
    now = score(of, clusters, members, 1, before, **more)
    same = np.array(now[1]["input_digest"].to_pylist(), object) == old[1]["input_digest"].to_pylist()
    if everybody:
        assert not same.any()
    elif what == "friend":
        knows = [friend in of.friend_rows[of.indptr[u] : of.indptr[u + 1]] for u in range(USERS)]
        assert same.tolist() == [not each for each in knows]
    else:
        assert same.tolist() == [False] + [True] * (USERS - 1)


def test_a_profile_digest_is_nothing_exactly_for_who_has_no_profile() -> None:
    rng = np.random.default_rng(5)
    profiles = rng.normal(size=(50, 2, DIM)).astype(np.float16)
    profiles[::3] = 0
    profiles[1::3, 1] = 0
    found = profile_digests(profiles)
    assert (found == NO_PROFILE).tolist() == [k % 3 == 0 for k in range(50)]
    assert len(np.unique(found[found != NO_PROFILE])) == 33
    swapped = profile_digests(profiles[:, ::-1])
    assert not (swapped == found)[found != NO_PROFILE].any()
    assert profile_digests(profiles[:0]).shape == (0,)


def test_margins_that_fell_are_marked() -> None:
    of, (clusters, members) = world(3), clustered(3)
    rounds = all_rounds(of, clusters, members, 3)
    assert not any(rounds[0][1]["margin_fell"].to_pylist())
    fell = 0
    for before, after in pairwise(rounds):
        for old, new in zip(before[1].to_pylist(), after[1].to_pylist(), strict=True):
            lower = old["reason"] == "ok" and (new["reason"] != "ok" or new["margin"] < old["margin"])
            assert new["margin_fell"] == lower
            fell += lower
    assert fell > 0


def test_the_heaviest_cluster_of_an_unresolved_user_is_named() -> None:
    of, (clusters, members) = world(3), clustered(3)
    scores, profiles = score(of, clusters, members, 0, None, settings=ScoringSettings(margin=0.6))
    weights: dict[int, list[tuple[float, int]]] = {}
    for row in scores.to_pylist():
        weights.setdefault(row["user_id"], []).append((-row["weight"], row["cluster"]))
    unresolved = [row for row in profiles.to_pylist() if row["reason"] == "no_margin"]
    assert unresolved
    for row in profiles.to_pylist():
        assert row["best"] == min(weights.get(row["user_id"], [(0.0, -1)]))[1]
