"""Whatever the tables hold and however they are cut: one row and one reason a user, and the same bits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.clusters import cluster_bucket
from profiling.leaders import REASONS
from profiling.rounds import score_round
from profiling.settings import ClusteringSettings, ScoringSettings
from tests.profiling.album_world import EPS, Ruler, World, changed, draw_world, same_bits, shuffled
from tests.profiling.test_rounds import run, scorer

USERS = 18
SHUFFLED = ("photos", "tags", "selection", "seen", "faces", "people")
few = st.sets(st.integers(0, USERS - 1), max_size=6)


@cache
def world(seed: int) -> World:
    return draw_world(seed, USERS, heavy=0.4)


@cache
def expected(seed: int) -> list[tuple[pa.Table, pa.Table]]:
    return run(world(seed), 3)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(1, 3), bucket=st.lists(st.integers(0, 3), min_size=USERS, max_size=USERS), order=st.integers())
def test_any_cut_into_buckets_and_any_order_give_the_same_rounds(seed: int, bucket: list[int], order: int) -> None:
    parts = [world(seed).of_users(np.flatnonzero(np.array(bucket) == k)) for k in sorted(set(bucket))]
    parts = [replace(p, **{name: shuffled(getattr(p, name), abs(order)) for name in SHUFFLED}) for p in parts]
    for one, other in zip(expected(seed), run(world(seed), 3, parts), strict=True):
        assert same_bits(one[0].combine_chunks(), other[0].combine_chunks())
        assert same_bits(one[1].combine_chunks(), other[1].combine_chunks())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(1, 3), wanted=st.sets(st.integers(0, USERS - 1), min_size=1), order=st.integers(0))
def test_clusters_of_some_users_are_those_users_clusters(seed: int, wanted: set[int], order: int) -> None:
    whole, part = world(seed), world(seed).of_users(np.array(sorted(wanted)))
    part = replace(part, **{name: shuffled(getattr(part, name), order) for name in SHUFFLED})
    found = cluster_bucket(
        part.users, part.photos, part.tags, part.selection, part.seen, part.faces, part.people, Ruler(),
        ClusteringSettings(),
    )  # fmt: skip
    for one, other in zip(whole.cluster(), found, strict=True):
        mine = one.filter(pc.is_in(one["user_id"], value_set=part.users["user_id"].combine_chunks()))
        assert same_bits(mine.combine_chunks(), other.combine_chunks())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(1, 3), refused=few, empty=few, broken=few, faceless=few, unsure=few, alone=few)
def test_every_user_has_one_row_and_the_first_reason_that_holds(
    seed: int, refused: set[int], empty: set[int], broken: set[int], faceless: set[int], unsure: set[int],
    alone: set[int],
) -> None:  # fmt: skip
    of = world(seed)
    clusters, members = of.cluster()

    def without(table: pa.Table, column: str, users: set[int]) -> pa.Table:
        return table.filter(pc.invert(pc.is_in(table[column], value_set=pa.array([10 * u + 5 for u in users], "i8"))))

    none = refused | empty | broken | faceless | unsure | alone
    owner = {row["photo_id"]: (row["owner_id"] - 5) // 10 for row in of.photos.to_pylist()}
    reasons = ["truncated" if owner[photo] in broken else "ok" for photo in of.seen["photo_id"].to_pylist()]
    states = [
        "nonface" if (user - 5) // 10 in unsure else state
        for user, state in zip(members["user_id"].to_pylist(), members["state"].to_pylist(), strict=True)
    ]
    _, made = score_round(
        0, changed(of.users, "consent", [u not in refused for u in range(USERS)]), of.people,
        without(clusters, "user_id", none), without(changed(members, "state", states), "user_id", faceless),
        without(of.selection, "owner_id", empty), changed(of.seen, "reason", reasons), of.indptr, of.friend_rows,
        None, None, scorer(), EPS, ScoringSettings(),
    )  # fmt: skip
    assert made["user_id"].to_pylist() == of.users["user_id"].to_pylist()
    steps = [(refused, "no_consent"), (empty, "no_photos"), (broken, "decode_failures"), (faceless, "no_faces"),
             (unsure, "nonfaces"), (alone, "no_cluster")]  # fmt: skip
    for user, reason in enumerate(made["reason"].to_pylist()):
        assert reason in REASONS
        first = next((code for users, code in steps if user in users), None)
        assert reason == first if first else reason in ("ok", "no_margin", "looks_like_friend")
    resolved = np.asarray(pc.equal(made["reason"], "ok"))
    for column in ("profile", "leader"):
        there = made[column].is_valid() if column == "profile" else pc.greater_equal(made[column], 0)
        assert np.asarray(there).tolist() == resolved.tolist()
