"""A run about some users: theirs is selected as in a run about all, others keep theirs bit for bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling import tables
from profiling.leaders import REASONS
from profiling.reselection import reselect_photos, unresolved_users, users_to_reselect
from profiling.selection import select_photos
from profiling.settings import SelectionSettings
from tests.profiling.album_world import same_bits
from tests.profiling.test_broadening import albums, photos_of, profiles_of

TAGS = tables.TAGS.empty_table()


def of(table: pa.Table, user: int) -> pa.Table:
    return table.filter(pc.equal(table["owner_id"], user)).combine_chunks()


@settings(max_examples=60, deadline=None)
@given(counts=albums, first=st.integers(1, 12), limit=st.integers(1, 30), data=st.data())
def test_listed_users_are_selected_anew_and_others_keep_every_bit(
    counts: dict[int, int], first: int, limit: int, data: st.DataObject
) -> None:
    photos = photos_of(counts)
    before = select_photos(photos, TAGS, SelectionSettings(photos_per_user=first))
    listed = data.draw(st.sets(st.sampled_from([*sorted(counts), 999])))
    users = users_to_reselect(photos, before, np.array(sorted(listed), np.int64))
    assert users.tolist() == sorted(user for user in listed if counts.get(user))
    anew = SelectionSettings(photos_per_user=limit, tagged=0, avatar=9)
    after = reselect_photos(photos, TAGS, before, users, anew)
    whole = select_photos(photos, TAGS, anew)
    assert after.schema == tables.SELECTION
    for user in counts:
        assert same_bits(of(after, user), of(whole if user in listed else before, user))


@settings(max_examples=60, deadline=None)
@given(counts=albums, added=albums, lost=st.floats(0, 1), seed=st.integers(0, 9))
def test_of_another_snapshot_others_keep_what_is_still_there(
    counts: dict[int, int], added: dict[int, int], lost: float, seed: int
) -> None:
    then = photos_of(counts)
    before = select_photos(then, TAGS, SelectionSettings(photos_per_user=8))
    there = np.random.default_rng(seed).random(len(then)) >= lost
    newcomers = {user + 100: count for user, count in added.items()}
    now = pa.concat_tables([then.filter(pa.array(there)), photos_of(newcomers)])
    users = users_to_reselect(now, before, np.zeros(0, np.int64))
    left = set(now["photo_id"].to_pylist())
    kept = {user: [p for p in of(before, user)["photo_id"].to_pylist() if p in left] for user in counts}
    has = set(now["owner_id"].to_pylist())
    assert users.tolist() == sorted(user for user in has if not kept.get(user)), "nobody with photos is left out"
    after = reselect_photos(now, TAGS, before, users, SelectionSettings(photos_per_user=3))
    for user in has:
        mine = of(after, user)
        assert mine["rank"].to_pylist() == list(range(len(mine)))
        if kept.get(user):
            assert mine["photo_id"].to_pylist() == kept[user]
        else:
            assert 0 < len(mine) <= 3
    assert set(after["owner_id"].to_pylist()) <= has


def test_a_photo_that_changed_hands_is_not_kept() -> None:
    photos = photos_of({1: 2, 2: 1})
    kept = select_photos(photos, TAGS).set_column(0, "owner_id", pa.array([2, 2, 1], pa.int64()))
    assert users_to_reselect(photos, kept, np.zeros(0, np.int64)).tolist() == [1, 2]


def test_whoever_has_no_profile_is_unresolved() -> None:
    reasons = dict(enumerate(REASONS))
    expected = [user for user, reason in reasons.items() if reason != "ok"]
    assert unresolved_users(profiles_of(reasons)).tolist() == expected
