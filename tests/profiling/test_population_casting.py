"""Columns as databases and data frames write them, and values that fit no type of the contract."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.population.casting import cast_column, castable

MOMENT = datetime.datetime(2003, 4, 5, 6, 7, 8)


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.uint16(), pa.uint64(), pa.float32(), pa.float64()])
def test_whole_numbers_of_any_width_become_ids(kind: pa.DataType) -> None:
    values, bad = cast_column(pa.array([1, None, 100], kind), pa.int64())
    assert values.to_pylist() == [1, None, 100]
    assert not bad.any()


def test_ids_at_the_ends_of_64_bits_survive() -> None:
    ends = [-(2**63), 2**63 - 1, 0]
    assert cast_column(pa.array(ends, pa.int64()), pa.int64())[0].to_pylist() == ends
    values, bad = cast_column(pa.array([2**64 - 1, 2**63 - 1], pa.uint64()), pa.int64())
    assert values.to_pylist() == [None, 2**63 - 1]
    assert bad.tolist() == [True, False]


def test_a_double_that_may_have_lost_digits_is_no_id() -> None:
    values, bad = cast_column(pa.array([2.0**53, 2.0**53 + 2, 1.5, float("nan"), float("inf"), -3.0]), pa.int64())
    assert values.to_pylist() == [2**53, None, None, None, None, -3]
    assert bad.tolist() == [False, True, True, False, True, False]


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=20))
def test_an_int16_keeps_what_fits_and_marks_the_rest(numbers: list[int | None]) -> None:
    values, bad = cast_column(pa.array(numbers, pa.int64()), pa.int16())
    fits = [number is None or -(2**15) <= number < 2**15 for number in numbers]
    assert values.to_pylist() == [number if fit else None for number, fit in zip(numbers, fits, strict=True)]
    assert bad.tolist() == [not fit for fit in fits]


def test_flags_may_be_numbers_but_only_nought_and_one() -> None:
    for kind in (pa.int8(), pa.float64()):
        values, bad = cast_column(pa.array([0, 1, None, 2], kind), pa.bool_())
        assert values.to_pylist() == [False, True, None, None]
        assert bad.tolist() == [False, False, False, True]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view()])
def test_text_of_any_kind_and_script_is_read(kind: pa.DataType) -> None:
    names = ["Ольга", "李", "", None, "עידו", "👪"]
    assert cast_column(pa.array(names, pa.string()).cast(kind), pa.string())[0].to_pylist() == names


def test_dictionaries_are_read() -> None:
    words = pa.array(["a", None, "a"]).dictionary_encode()
    assert cast_column(words, pa.string())[0].to_pylist() == ["a", None, "a"]
    assert castable(words.type, pa.string())
    assert not castable(words.type, pa.int64())


def test_text_that_is_not_utf8_is_marked_value_by_value() -> None:
    values, bad = cast_column(pa.array([b"fine", b"\xff\xfe", None]), pa.string())
    assert values.to_pylist() == ["fine", None, None]
    assert bad.tolist() == [False, True, False]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "+03:00"])
def test_times_of_any_unit_and_zone_become_the_moment_in_utc(unit: str, zone: str | None) -> None:
    aware = MOMENT.replace(tzinfo=datetime.UTC) if zone else MOMENT
    values, bad = cast_column(pa.array([aware, None], pa.timestamp(unit, zone)), pa.timestamp("us"))
    assert values.to_pylist() == [MOMENT, None]
    assert values.type == pa.timestamp("us")
    assert not bad.any()


def test_days_become_midnight_and_times_out_of_range_are_marked() -> None:
    day = datetime.date(2003, 4, 5)
    for kind in (pa.date32(), pa.date64()):
        assert cast_column(pa.array([day], kind), pa.timestamp("us"))[0].to_pylist() == [datetime.datetime(2003, 4, 5)]
    far = pa.array([2**62, 5], pa.int64()).cast(pa.timestamp("s"))
    values, bad = cast_column(far, pa.timestamp("us"))
    assert bad.tolist() == [True, False]
    assert values.is_valid().to_pylist() == [False, True]


def test_a_column_of_nothing_is_a_column_of_nulls() -> None:
    for wanted in (pa.int64(), pa.string(), pa.bool_(), pa.float32(), pa.timestamp("us")):
        values, bad = cast_column(pa.nulls(3), wanted)
        assert values.type == wanted
        assert values.null_count == 3
        assert not bad.any()


def test_nan_is_a_missing_number() -> None:
    values, _ = cast_column(pa.array([0.25, float("nan"), None], pa.float16()), pa.float32())
    assert values.to_pylist() == [0.25, None, None]
    values, bad = cast_column(pa.array(np.array([np.nan, 640.0])), pa.int32())
    assert values.to_pylist() == [None, 640]
    assert not bad.any()
