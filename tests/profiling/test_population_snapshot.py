"""Differences of snapshots, against dictionaries."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.population import snapshot_difference
from profiling.tables import PHOTOS, TAGS, USERS

Rows = list[dict[str, object]]

USER = st.fixed_dictionaries(
    {
        "user_id": st.integers(0, 6),
        "row": st.integers(0, 6),
        "first_name": st.sampled_from(["Ann", "", None, "Анна"]),
        "birth_year": st.sampled_from([None, 0, 1980, 1981]),
        "consent": st.booleans(),
    }
)
TAG = st.fixed_dictionaries(
    {
        "photo_id": st.integers(0, 2),
        "owner_id": st.just(1),
        "user_id": st.integers(0, 2),
        "x": st.sampled_from([None, 0.0, 0.5]),
        "source": st.sampled_from(["manual", "rejected"]),
    }
)


def by_key(rows: Rows, keys: tuple[str, ...]) -> dict[tuple[object, ...], list[str]]:
    found: dict[tuple[object, ...], list[str]] = {}
    for row in rows:
        facts = sorted(item for item in row.items() if item[0] != "row")
        found.setdefault(tuple(row[key] for key in keys), []).append(repr(facts))
    return {key: sorted(facts) for key, facts in found.items()}


def expected(name: str, old: Rows, new: Rows, *keys: str) -> dict[str, int]:
    before, after = by_key(old, keys), by_key(new, keys)
    return {
        f"{name}_added": len(after.keys() - before.keys()),
        f"{name}_changed": sum(before[key] != after[key] for key in before.keys() & after.keys()),
        f"{name}_gone": len(before.keys() - after.keys()),
    }


@settings(deadline=None)
@given(*[st.lists(USER, max_size=7, unique_by=lambda row: row["user_id"])] * 2)
def test_users_are_compared_by_what_is_known_of_them(old: Rows, new: Rows) -> None:
    tables = [{"users": pa.Table.from_pylist(rows, USERS)} for rows in (old, new)]
    before, after = ({row["user_id"]: row["consent"] for row in rows} for rows in (old, new))
    both = [(before[user], after[user]) for user in before.keys() & after.keys()]
    consent = {"consent_withdrawn": both.count((True, False)), "consent_given": both.count((False, True))}
    assert snapshot_difference(*tables) == expected("users", old, new, "user_id") | consent


@settings(deadline=None)
@given(*[st.lists(TAG, max_size=10)] * 2)
def test_several_tags_of_one_user_on_one_photo_are_one_key(old: Rows, new: Rows) -> None:
    tables = [{"tags": pa.Table.from_pylist(rows, TAGS)} for rows in (old, new)]
    assert snapshot_difference(*tables) == expected("tags", old, new, "photo_id", "user_id")


def test_friends_are_compared_by_id() -> None:
    def friends(*rows: tuple[int, int, bool]) -> pa.Table:
        users, others, marks = (list(side) for side in zip(*rows, strict=True))
        return pa.table({"user_id": users, "friend_id": others, "tagged_together": marks})

    old, new = friends((1, 2, True), (1, 3, False)), friends((1, 3, True), (1, 4, False), (2, 9, False))
    assert snapshot_difference({"friends": old}, {"friends": new}) == {
        "friends_added": 2,
        "friends_changed": 1,
        "friends_gone": 1,
    }


def test_equal_snapshots_do_not_differ_and_empty_ones_are_legal() -> None:
    photos = pa.Table.from_pylist([{"photo_id": 1, "owner_id": 2, "uri": "a"}], PHOTOS)
    assert set(snapshot_difference({"photos": photos}, {"photos": photos}).values()) == {0}
    empty = PHOTOS.empty_table()
    assert snapshot_difference({"photos": empty}, {"photos": photos})["photos_added"] == 1
    assert snapshot_difference({"photos": photos}, {"photos": empty})["photos_gone"] == 1
    assert set(snapshot_difference({"photos": empty}, {"photos": empty}).values()) == {0}
