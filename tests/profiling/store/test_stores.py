"""What every profile store does, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from profiling.errors import ModelError, StoreConflictError, StoreError
from profiling.store import ProfileStore, Retention, drop_expired, open_store
from profiling.store.rows import stored_rows
from tests.profiling.store.populations import (
    BUCKETS,
    MODEL,
    answer,
    draw_profiles,
    expected,
    in_bucket,
    publish,
    write_generation,
)

USERS = [*range(-40, 200, 3), 2**62 + 7, -(2**63)]
FOREVER = 1e12  # seconds since 1970: any grace time is over


@pytest.fixture
def store(uri: str) -> Iterator[ProfileStore]:
    opened = open_store(uri)
    yield opened
    opened.close()


def assert_holds(store: ProfileStore, profiles: pa.Table, users: list[int] = USERS) -> None:
    oracle = expected(profiles)
    assert [answer(found) for found in store.snapshot().get_many(users)] == [
        oracle.get(user, ("unknown",)) for user in users
    ]


def test_a_base_answers_every_user_bit_for_bit(store: ProfileStore) -> None:
    profiles = draw_profiles(USERS, 1)
    publish(store, "g1", profiles)
    assert_holds(store, profiles, [*reversed(USERS), 999_999, -41])
    found = store.snapshot().get(USERS[0])
    assert found.vectors.dtype == np.float16
    assert found.user_id == USERS[0]


def test_a_delta_holds_changed_users_only_and_hides_what_they_lost(store: ProfileStore) -> None:
    old = draw_profiles(USERS, 1)
    first = publish(store, "g1", old)
    changed = draw_profiles(USERS[:5], 2)
    new = pa.concat_tables([changed, old.slice(5, len(old) - 7), draw_profiles([7001], 3)])
    second = publish(store, "g2", new, first, old)
    assert second.kind == "delta"
    assert second.users == 5 + 1 + 2
    oracle = expected(new)
    for user, found in zip(USERS, store.snapshot().get_many(USERS), strict=True):
        assert answer(found) == oracle[user] if user in oracle else found.reason == "gone"
    assert answer(store.snapshot().get(7001)) == oracle[7001]


def test_a_rolled_back_delta_is_in_no_later_list(store: ProfileStore) -> None:
    first_table = draw_profiles(USERS, 1)
    second_table = draw_profiles(USERS, 2)
    third_table = first_table.slice(1)
    first = publish(store, "g1", first_table)
    publish(store, "g2", second_table, first, first_table)
    assert_holds(store, second_table)
    assert store.rollback().id == "g1"
    assert_holds(store, first_table)
    third = publish(store, "g3", third_table, store.active(), first_table)
    assert third.segments == (1, 3)
    snapshot = store.snapshot()
    assert snapshot.get(USERS[0]).reason == "gone"
    assert answer(snapshot.get(USERS[1])) == expected(first_table)[USERS[1]]
    assert store.rollback().id == "g1", "g2 was rolled back before; g3 replaced g1"


def test_g1_g2_back_to_g1_then_g3_and_the_forgotten_stay_away(store: ProfileStore) -> None:
    g1 = draw_profiles(USERS, 1)
    only_g2, by_g3, gone = USERS[0], USERS[1], [USERS[2], USERS[30]]
    g2 = pa.concat_tables([draw_profiles([only_g2], 2), g1.slice(1)])
    g3 = pa.concat_tables([g1.slice(0, 1), draw_profiles([by_g3], 3), g1.slice(2)])
    first = publish(store, "g1", g1)
    publish(store, "g2", g2, first, g1)
    store.forget(gone)
    assert store.rollback().id == "g1"
    third = publish(store, "g3", g3, store.active(), g1)
    assert third.kind == "delta"

    def assert_right(profiles: pa.Table) -> None:
        oracle = expected(profiles)
        for user, found in zip(USERS, store.snapshot().get_many(USERS), strict=True):
            assert found.reason == "forgotten" if user in gone else answer(found) == oracle[user]

    assert_right(g3)
    assert answer(store.snapshot().get(only_g2)) == expected(g1)[only_g2] != expected(g2)[only_g2]
    store.erase(gone)
    assert_right(g3)
    publish(store, "g4", g2, store.active(), g3)
    assert_right(g2)
    store.rollback()
    assert_right(g3)


def test_a_snapshot_stays_while_others_are_published(store: ProfileStore) -> None:
    tables = [draw_profiles(USERS, seed) for seed in range(3)]
    first = publish(store, "g0", tables[0])
    pinned = store.snapshot()
    publish(store, "g1", tables[1], first, tables[0])
    publish(store, "g2", tables[2])
    oracle = expected(tables[0])
    assert [answer(found) for found in pinned.get_many(USERS)] == [oracle[user] for user in USERS]
    assert_holds(store, tables[2])


def test_an_unfinished_generation_is_invisible_and_taken_up_again(store: ProfileStore) -> None:
    old, new = draw_profiles(USERS, 1), draw_profiles(USERS, 2)
    publish(store, "g1", old)
    begun = write_generation(store, "g2", new, only=2)
    assert set(store.written(begun)) == {0, 1}
    assert_holds(store, old)
    with pytest.raises(StoreError, match="2 buckets of g2 were not written"):
        store.finish(begun)
    with pytest.raises(StoreError, match="is writing"):
        store.activate(begun, 1)
    with pytest.raises(StoreError, match="is writing"):
        store.pin(begun)
    again = publish(store, "g2", new)
    assert again.number == begun.number
    assert_holds(store, new)


def test_a_bucket_that_was_written_stays_as_it_was(store: ProfileStore) -> None:
    profiles = draw_profiles(USERS, 1)
    begun = store.begin("g1", MODEL, 8, BUCKETS)
    for bucket in range(BUCKETS):
        rows = stored_rows(in_bucket(profiles, bucket), np.zeros(0, np.int64))
        assert store.write(begun, bucket, rows) == store.write(begun, bucket, rows)
    store.activate(store.finish(begun), None)
    assert_holds(store, profiles)


def test_the_forgotten_are_hidden_from_every_reader_at_once(store: ProfileStore, uri: str) -> None:
    profiles = draw_profiles(USERS, 1)
    first = publish(store, "g1", profiles)
    pinned = store.snapshot()
    other = open_store(uri)
    try:
        reader = other.snapshot()
        assert reader.get(USERS[3]).reason != "forgotten"
        store.forget([USERS[3], 123_456_789])
        store.forget([USERS[3]])
        for snapshot in (pinned, reader, store.snapshot(), other.snapshot(), store.pin(first)):
            assert snapshot.get(USERS[3]).reason == "forgotten"
            assert len(snapshot.get(USERS[3]).vectors) == 0
            assert snapshot.get(123_456_789).reason == "forgotten"
            assert answer(snapshot.get(USERS[4])) == expected(profiles)[USERS[4]]
        assert other.forgotten().tolist() == [USERS[3], 123_456_789]
    finally:
        other.close()


def test_the_forgotten_never_come_back(store: ProfileStore) -> None:
    tables = [draw_profiles(USERS, seed) for seed in range(3)]
    first = publish(store, "g0", tables[0])
    store.forget([USERS[0]])
    second = publish(store, "g1", tables[1], first, tables[0])
    assert second.users == len(USERS) - 1
    store.rollback()
    assert store.snapshot().get(USERS[0]).reason == "forgotten"
    publish(store, "g2", tables[2])
    assert store.snapshot().get(USERS[0]).reason == "forgotten"


def test_two_writers_never_both_move_the_pointer(store: ProfileStore, uri: str) -> None:
    profiles = draw_profiles(USERS, 1)
    publish(store, "g1", profiles)
    other = open_store(uri)
    try:
        mine = store.finish(write_generation(store, "g2", draw_profiles(USERS, 2)))
        theirs = other.finish(write_generation(other, "g3", draw_profiles(USERS, 3)))
        assert mine.number != theirs.number
        other.activate(theirs, 1)
        with pytest.raises(StoreConflictError, match="became active meanwhile"):
            store.activate(mine, 1)
        assert_holds(store, draw_profiles(USERS, 3))
    finally:
        other.close()


def test_models_never_mix(store: ProfileStore) -> None:
    first = publish(store, "g1", draw_profiles(USERS, 1))
    with pytest.raises(ModelError, match="cannot be compared"):
        store.snapshot("b" * 64)
    with pytest.raises(StoreError, match="another model"):
        store.begin("g2", "b" * 64, 8, BUCKETS, first)
    begun = store.begin("g2", "b" * 64, 16, BUCKETS)
    rows = stored_rows(draw_profiles([1], 1), np.zeros(0, np.int64))
    with pytest.raises(StoreError, match="another model"):
        store.write(begun, 0, rows)
    second = publish(store, "g2", draw_profiles(USERS, 1, 16), model="b" * 64)
    assert store.snapshot("b" * 64).generation == second


def test_an_empty_store_says_so(store: ProfileStore) -> None:
    assert store.active() is None
    assert store.generations() == []
    for fault in (store.snapshot, store.rollback):
        with pytest.raises(StoreError, match="holds no active generation"):
            fault()


def test_nothing_to_roll_back_to_is_said(store: ProfileStore) -> None:
    publish(store, "g1", draw_profiles(USERS, 1))
    with pytest.raises(StoreError, match="replaced none"):
        store.rollback()
    with pytest.raises(StoreError, match="has no generation 'g9' to go back to; there are g1"):
        store.rollback("g9")


def test_old_bases_go_after_the_grace_time_and_no_sooner(store: ProfileStore) -> None:
    tables = [draw_profiles(USERS, seed) for seed in range(4)]
    keep = Retention(newest=1, days=0, grace_s=3600)
    first = publish(store, "g0", tables[0])
    publish(store, "g1", tables[1], first, tables[0])
    publish(store, "g2", tables[2])
    publish(store, "g3", tables[3])
    assert drop_expired(store, keep) == []
    gone = drop_expired(store, keep, now=FOREVER)
    assert [each.id for each in gone] == ["g0", "g1"], "g2 is what a rollback leads to"
    assert [each.state for each in store.generations()] == ["dropped", "dropped", "ready", "ready"]
    with pytest.raises(StoreError, match="is dropped"):
        store.pin(store.find(1))
    assert_holds(store, tables[3])
    store.rollback()
    assert_holds(store, tables[2])
    assert drop_expired(store, keep, now=FOREVER) == []


def test_a_base_stays_while_a_delta_needs_it(store: ProfileStore) -> None:
    tables = [draw_profiles(USERS, 0), draw_profiles(USERS[:9], 1), draw_profiles(USERS[:9], 2)]
    first = publish(store, "g0", tables[0])
    second = publish(store, "g1", tables[1], first, tables[0])
    publish(store, "g2", tables[2], second, tables[1])
    drop_expired(store, Retention(newest=1, days=0, grace_s=0), now=FOREVER)
    assert [each.state for each in store.generations()] == ["dropped", "ready", "ready"]
    oracle = expected(tables[2])
    for user, found in zip(USERS, store.snapshot().get_many(USERS), strict=True):
        assert answer(found) == oracle[user] if user in oracle else found.reason == "gone"
