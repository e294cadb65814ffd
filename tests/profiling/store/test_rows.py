"""Rows of a store and the users of a delta, against plain Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.store.rows import changed_users, count_rows, same_rows, stored_rows
from tests.profiling.store.populations import DIM, draw_profiles, expected

IDS = st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=40)
NOBODY = np.zeros(0, np.int64)


@settings(deadline=None)
@given(IDS, st.integers(0, 99))
def test_rows_are_sorted_and_hold_every_profile_once(users: list[int], seed: int) -> None:
    profiles = draw_profiles(users, seed)
    rows = stored_rows(profiles, NOBODY).to_pylist()
    assert [(row["user_id"], row["rank"]) for row in rows] == sorted((row["user_id"], row["rank"]) for row in rows)
    oracle = expected(profiles)
    found: dict[int, list[bytes]] = {user: [] for user in oracle}
    for row in rows:
        reason, _, clusters, _, faces = oracle[row["user_id"]]
        assert (row["reason"], row["faces"]) == (reason, faces)
        if row["vector"] is not None:
            assert row["cluster"] == clusters[row["rank"]]
            found[row["user_id"]].append(row["vector"])
    assert found == {user: row[1] for user, row in oracle.items()}
    counts = count_rows(stored_rows(profiles, NOBODY))
    assert (counts.users, counts.rows) == (len(users), len(rows))


@settings(deadline=None)
@given(IDS, st.data())
def test_the_hidden_have_no_row(users: list[int], data: st.DataObject) -> None:
    hidden = sorted(data.draw(st.sets(st.sampled_from([*users, 5])))) if users else []
    gone = np.array([5, 6], np.int64)
    rows = stored_rows(draw_profiles(users, 0), np.array(hidden, np.int64), np.setdiff1d(gone, users))
    shown = {row["user_id"] for row in rows.to_pylist()}
    assert shown == ({*users, 5, 6} - set(hidden))


@settings(deadline=None)
@given(IDS, IDS, st.data())
def test_a_delta_needs_exactly_who_differs(users: list[int], others: list[int], data: st.DataObject) -> None:
    redrawn = data.draw(st.sets(st.sampled_from(users))) if users else set()
    old = draw_profiles(users, 1)
    same = old.filter(pa.array([user not in redrawn for user in users], pa.bool_()))
    added = [user for user in [*redrawn, *others] if user in redrawn or user not in users]
    new = pa.concat_tables([draw_profiles(list(dict.fromkeys(added)), 2), same])
    dropped = data.draw(st.integers(0, len(new)))
    new = new.slice(dropped)
    changed, gone = changed_users(new, old)
    before, after = expected(old), expected(new)
    assert {user for user, one in zip(new["user_id"].to_pylist(), changed, strict=True) if one} == {
        user for user in after if before.get(user) != after[user]
    }
    assert gone.tolist() == sorted(set(before) - set(after))


def test_one_bit_makes_rows_differ() -> None:
    rows = stored_rows(draw_profiles(list(range(30)), 1), NOBODY)
    assert same_rows(rows, rows)
    place = rows.schema.get_field_index("weight")
    weight = rows["weight"].to_numpy().copy()
    weight.view(np.int32)[7] ^= 1
    assert not same_rows(rows, rows.set_column(place, rows.schema.field("weight"), pa.array(weight)))
    assert not same_rows(rows, rows.slice(1))
    assert not same_rows(rows, stored_rows(draw_profiles(list(range(30)), 1, 2 * DIM), NOBODY))
