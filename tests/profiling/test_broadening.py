"""Who gets more photos, and that nobody else's selection changes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling import tables
from profiling.broadening import MENDABLE, broaden_selection, users_to_broaden
from profiling.leaders import REASONS
from profiling.selection import select_photos
from profiling.settings import SelectionSettings, load_settings
from tests.profiling.album_world import same_bits


def photos_of(counts: dict[int, int], seed: int = 0) -> pa.Table:
    """Photos of owners, with avatars, cameras and dates here and there, in any order."""
    rng = np.random.default_rng(seed)
    rows = []
    for owner, count in counts.items():
        for k in range(count):
            taken = np.datetime64("2003-01-01") + np.timedelta64(int(rng.integers(40)), "h")
            rows.append({
                "photo_id": 1000 * owner + k, "owner_id": owner, "uri": "", "was_avatar": bool(rng.random() < 0.2),
                "camera": "c" if rng.random() < 0.5 else None,
                "taken_at": taken.astype("datetime64[us]").item() if rng.random() < 0.8 else None,
            })  # fmt: skip
    made = pa.Table.from_pylist(rows, schema=tables.PHOTOS)
    return made.take(pa.array(rng.permutation(len(made))))


def profiles_of(reasons: dict[int, str]) -> pa.Table:
    return pa.table({"user_id": pa.array(list(reasons), pa.int64()), "reason": list(reasons.values())})


albums = st.dictionaries(st.integers(1, 40), st.integers(0, 30), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(counts=albums, first=st.integers(1, 12), limit=st.integers(1, 30), seed=st.integers(0, 5), data=st.data())
def test_only_unresolved_users_with_more_photos_are_broadened(
    counts: dict[int, int], first: int, limit: int, seed: int, data: st.DataObject
) -> None:
    photos, chosen = photos_of(counts, seed), SelectionSettings(photos_per_user=first)
    before = select_photos(photos, tables.TAGS.empty_table(), chosen)
    reasons = {user: data.draw(st.sampled_from(sorted(REASONS))) for user in counts}
    users = users_to_broaden(profiles_of(reasons), photos, before, limit)
    expected = [u for u in sorted(counts) if reasons[u] in MENDABLE and counts[u] > first and first < limit]
    assert users.tolist() == expected
    after = broaden_selection(photos, tables.TAGS.empty_table(), before, users, limit, chosen)
    assert after.schema == tables.SELECTION
    rows = [(row["owner_id"], row["rank"]) for row in after.to_pylist()]
    assert rows == sorted(rows)
    for user, has in counts.items():
        then, now = (table.filter(pa.compute.equal(table["owner_id"], user)) for table in (before, after))
        assert len(now) == min(has, limit if user in expected else first)
        assert same_bits(now.slice(0, len(then)).combine_chunks(), then.combine_chunks())


def test_broadening_twice_is_broadening_once_to_the_larger() -> None:
    photos, none = photos_of({1: 30, 2: 30, 3: 4}), tables.TAGS.empty_table()
    chosen = SelectionSettings(photos_per_user=5)
    before, both = select_photos(photos, none, chosen), np.array([1, 2])
    middle = broaden_selection(photos, none, before, both, 10, chosen)
    after = broaden_selection(photos, none, middle, np.array([2]), 20, chosen)
    assert users_to_broaden(profiles_of({1: "ok", 2: "no_margin", 3: "no_faces"}), photos, middle, 20).tolist() == [2]
    at_once = broaden_selection(photos, none, before, np.array([2]), 20, chosen)
    assert same_bits(after.filter(pa.compute.equal(after["owner_id"], 2)).combine_chunks(),
                     at_once.filter(pa.compute.equal(at_once["owner_id"], 2)).combine_chunks())  # fmt: skip


def test_who_refused_or_has_no_photos_is_never_broadened() -> None:
    assert set(REASONS) - set(MENDABLE) == {"ok", "no_consent", "no_photos"}


def test_steps_are_settings() -> None:
    assert load_settings(None, {"selection.broaden": "[]"}).selection.broaden == ()
    assert load_settings(None, {"selection.broaden": "[20, 40]"}).selection.broaden == (20, 40)
    with pytest.raises(Exception, match=r"selection\.broaden"):
        load_settings(None, {"selection.broaden": "[0]"})
