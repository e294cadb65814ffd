"""Digests of rows and users: whatever differs is told apart, and what does not matter is not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.digests import combine, digest_rows, pack_digests, sum_by_user, unpack_digests

COLUMNS: dict[str, tuple[pa.DataType, Any]] = {
    "id": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "hash": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "x": (pa.float32(), st.floats(width=32, allow_nan=False) | st.just(float("nan"))),
    "said": (pa.string(), st.text("ab é", max_size=4)),
    "flag": (pa.bool_(), st.booleans()),
    "bytes": (pa.binary(6), st.binary(min_size=6, max_size=6)),
    "when": (pa.timestamp("us"), st.integers(0, 10**15)),
}
row = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()})
rows = st.lists(st.tuples(st.integers(0, 3), row), max_size=8)


def columns(found: list[dict[str, Any]]) -> list[pa.Array]:
    return [pa.array([each[name] for each in found], kind) for name, (kind, _) in COLUMNS.items()]


def digests(found: list[tuple[int, dict[str, Any]]]) -> list[bytes]:
    """Of users 0 to 3."""
    place = np.array([user for user, _ in found], np.int64)
    summed = sum_by_user(digest_rows(*columns([each for _, each in found])), place, 4)
    return [each.tobytes() for each in combine({"eps": 0.5}, summed)]


def written(found: list[tuple[int, dict[str, Any]]], user: int) -> list[str]:
    """The rows of a user, told apart as bits are: -0.0 is not 0.0, and NaN is NaN."""
    return sorted(repr(list(each.items())) for whose, each in found if whose == user)


@settings(deadline=None)
@given(rows, rows)
def test_users_have_equal_digests_exactly_when_their_rows_are_equal(one: list[Any], other: list[Any]) -> None:
    found = zip(digests(one), digests(other), strict=True)
    assert [a == b for a, b in found] == [written(one, user) == written(other, user) for user in range(4)]


@settings(deadline=None)
@given(rows, st.integers(0, 7), st.sampled_from(list(COLUMNS)), st.data())
def test_one_value_changed_changes_its_user_alone(found: list[Any], at: int, name: str, data: st.DataObject) -> None:
    if at >= len(found):
        return
    user, before = found[at]
    after = before | {name: data.draw(st.none() | COLUMNS[name][1])}
    changed = [*found[:at], (user, after), *found[at + 1 :]]
    differ = [a != b for a, b in zip(digests(found), digests(changed), strict=True)]
    assert differ == [who == user and written(found, who) != written(changed, who) for who in range(4)]


@settings(deadline=None)
@given(rows, st.randoms())
def test_the_order_of_rows_and_the_cut_into_chunks_do_not_matter(found: list[Any], random: Any) -> None:
    other = list(found)
    random.shuffle(other)
    assert digests(found) == digests(other)
    half = len(found) // 2
    parts = [columns([each for _, each in piece]) for piece in (found[:half], found[half:])]
    chunked = [pa.chunked_array(pair) for pair in zip(*parts, strict=True)]
    assert np.array_equal(digest_rows(*chunked), digest_rows(*columns([each for _, each in found])))


def test_columns_and_their_order_count() -> None:
    one, other = pa.array([1, 2]), pa.array([2, 1])
    assert not (digest_rows(one, other) == digest_rows(other, one)).any()
    assert not (digest_rows(pa.array([0])) == digest_rows(pa.array([None], pa.int64()))).any()
    assert not (digest_rows(pa.array([0.0])) == digest_rows(pa.array([-0.0]))).any()


def test_rules_count_and_so_does_which_part_holds_what() -> None:
    one, other = digest_rows(pa.array([1, 2, 3])), digest_rows(pa.array([4, 5, 6]))
    assert not (combine([1], one, other) == combine([2], one, other)).any()
    assert not (combine([1], one, other) == combine([1], other, one)).any()
    assert np.array_equal(combine({"a": 1, "b": 2}, one), combine({"b": 2, "a": 1}, one))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_packed_digests_come_back(count: int) -> None:
    found = digest_rows(np.arange(count))
    packed = pack_digests(found)
    assert packed.type == pa.binary(16)
    assert np.array_equal(unpack_digests(packed), found)
    assert np.array_equal(unpack_digests(pa.chunked_array([packed.slice(0, 1), packed.slice(1)])), found)


def test_a_million_rows_have_a_million_digests() -> None:
    found = digest_rows(np.arange(1_000_000))
    for lane in range(2):
        assert len(np.unique(found[:, lane])) == len(found)
    flipped = digest_rows(np.arange(1000) ^ 1)
    shares = np.bitwise_count(found[:1000] ^ flipped).mean() / 64
    assert abs(shares - 0.5) < 0.01
