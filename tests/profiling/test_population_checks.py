"""Broken rows and values of one batch: what goes on, what is set aside, and with which reason."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.population import REASONS, Checked, check_batch, quarantine_schema

YEAR = 2026
INF = float("inf")


def check(table: str, **columns: object) -> Checked:
    return check_batch(table, pa.RecordBatch.from_pydict(columns), YEAR)


def reasons(checked: Checked) -> list[str]:
    assert set(checked.broken["explanation"].to_pylist()) <= set(REASONS.values())
    return checked.broken["reason"].to_pylist()


def test_sound_rows_pass_untouched() -> None:
    checked = check(
        "users", user_id=[1, -(2**63)], gender=["female", None], birth_year=[1900, YEAR], consent=[True, None]
    )
    assert len(checked.broken) == 0
    assert checked.rows["birth_year"].to_pylist() == [1900, YEAR]
    assert checked.rows["consent"].to_pylist() == [True, True]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("users", "user_id"),
        ("photos", "photo_id"),
        ("photos", "owner_id"),
        ("tags", "user_id"),
        ("friendships", "user_a"),
    ],
)
def test_a_row_without_an_id_is_left_out(table: str, column: str) -> None:
    sound = {
        "users": {"user_id": [1, 2]},
        "photos": {"photo_id": [1, 2], "owner_id": [3, 4], "uri": ["a", "b"]},
        "tags": {"photo_id": [1, 2], "user_id": [3, 4]},
        "friendships": {"user_a": [1, 2], "user_b": [3, 4]},
    }[table]
    checked = check(table, **(sound | {column: [None, 2]}))
    assert reasons(checked) == ["null_id"]
    assert checked.rows.num_rows == 1
    assert checked.rows[column].to_pylist() == [2]
    assert checked.broken.schema == quarantine_schema(table)


def test_an_id_that_is_no_whole_number_is_left_out() -> None:
    checked = check("users", user_id=[1.5, 2.0, 1e30])
    assert reasons(checked) == ["bad_id", "bad_id"]
    assert checked.broken["user_id"].to_pylist() == ["1.5", "1e+30"]
    assert checked.rows["user_id"].to_pylist() == [2]


def test_an_impossible_optional_value_costs_the_value_not_the_user() -> None:
    checked = check(
        "users", user_id=[1, 2, 3, 4], gender=["Frau", "male", "", None], birth_year=[1899, YEAR + 1, 40000, 7]
    )
    assert checked.rows["user_id"].to_pylist() == [1, 2, 3, 4]
    assert checked.rows["gender"].to_pylist() == [None, "male", None, None]
    assert checked.rows["birth_year"].to_pylist() == [None] * 4
    assert sorted(reasons(checked)) == ["bad_birth_year"] * 4 + ["bad_gender"]
    years = checked.broken.filter(pa.compute.equal(checked.broken["reason"], "bad_birth_year"))["birth_year"]
    assert sorted(years.to_pylist()) == sorted(["40000", "1899", str(YEAR + 1), "7"])


def test_nothing_personal_is_kept_of_a_user_without_consent() -> None:
    columns = {"first_name": ["Ann", "Bo"], "last_name": ["A", "B"], "gender": ["?", "?"], "birth_year": [3000, 3000]}
    checked = check("users", user_id=[1, 2], consent=[False, True], **columns)
    refused = checked.rows.to_pylist()[0]
    assert refused == dict.fromkeys(checked.rows.column_names) | {"user_id": 1, "consent": False}
    assert checked.broken["user_id"].to_pylist() == ["2", "2"]


def test_an_unclear_consent_is_none() -> None:
    checked = check("users", user_id=[1, 2, 3], consent=[2, 1, 0], first_name=["Ann", "Bo", "Cy"])
    assert checked.rows["consent"].to_pylist() == [False, True, False]
    assert reasons(checked) == ["bad_consent"]
    assert "Ann" not in str(checked.broken.to_pylist())
    assert "Ann" not in str(checked.rows.to_pylist())


def test_a_photo_needs_a_uri_and_only_that() -> None:
    checked = check(
        "photos",
        photo_id=range(6),
        owner_id=[1] * 6,
        uri=["a", "", None, "  ", b"\xff", "b"],
        width=[0, 1, 1, 1, 1, -5],
    )
    assert checked.rows["photo_id"].to_pylist() == [0, 5]
    assert checked.rows["width"].to_pylist() == [None, None]
    assert sorted(reasons(checked)) == ["bad_size", "bad_size", "no_uri", "no_uri", "no_uri", "no_uri"]
    assert checked.broken_ids["owner_id"].to_pylist() == [1] * 6


def test_width_and_height_broken_together_are_one_reason() -> None:
    checked = check("photos", photo_id=[1], owner_id=[1], uri=["a"], width=[-1], height=[2**40])
    assert reasons(checked) == ["bad_size"]
    assert checked.broken["height"].to_pylist() == [str(2**40)]


def box(*sides: float | None, source: str | None = None) -> Checked:
    columns = {name: pa.array([side], pa.float64()) for name, side in zip("xywh", sides, strict=True)}
    return check("tags", photo_id=[1], user_id=[2], source=pa.array([source], pa.string()), **columns)


@pytest.mark.parametrize(
    "sides", [(1.2, 0, 0.1, 0.1), (0.5, 0.5, 0.6, 0.1), (-0.1, 0, 0.5, 0.5), (0, 0, 0, 0.1), (0, 0, 0.1, -0.1),
              (0, INF, 0.1, 0.1), (0, 0, INF, 0.1), (-INF, 0, INF, 1), (1.005, 0, 0.001, 0.5), (320, 200, 40, 40)]
)  # fmt: skip
def test_a_box_outside_the_photo_counts_for_the_photo_as_a_whole(sides: tuple[float, ...]) -> None:
    checked = box(*sides)
    assert reasons(checked) == ["bad_box"]
    assert [checked.rows[name].to_pylist() for name in "xywh"] == [[None]] * 4


def test_half_a_box_counts_for_the_photo_as_a_whole() -> None:
    for sides in ((0.1, None, None, None), (0.1, 0.1, 0.1, float("nan"))):
        checked = box(*sides)
        assert reasons(checked) == ["part_box"]
        assert [checked.rows[name].to_pylist() for name in "xywh"] == [[None]] * 4
    assert reasons(box(None, None, None, None)) == []


def test_a_box_that_rounding_pushed_over_the_edge_is_clipped() -> None:
    checked = box(-0.004, 0.5, 1.008, 0.504)
    assert reasons(checked) == []
    assert [checked.rows[name][0].as_py() for name in "xywh"] == [0.0, 0.5, 1.0, 0.5]


@settings(deadline=None)
@given(st.tuples(*[st.floats(0, 1, width=32)] * 2), st.tuples(*[st.floats(2**-10, 1, width=32)] * 2))
def test_boxes_on_the_photo_keep_their_bits(corner: tuple[float, float], size: tuple[float, float]) -> None:
    if max(corner[0] + size[0], corner[1] + size[1]) <= 1:
        checked = box(*corner, *size)
        assert [checked.rows[name][0].as_py() for name in "xywh"] == [*corner, *size]
        assert reasons(checked) == []


def test_a_tag_of_unknown_source_is_left_out_and_a_missing_source_is_manual() -> None:
    assert reasons(box(None, None, None, None, source="guessed")) == ["bad_source"]
    assert len(box(None, None, None, None, source="guessed").rows) == 0
    assert box(None, None, None, None).rows["source"].to_pylist() == ["manual"]
    assert box(None, None, None, None, source="rejected").rows["source"].to_pylist() == ["rejected"]


def test_nobody_is_their_own_friend() -> None:
    checked = check("friendships", user_a=[1, 2, None], user_b=[1, 3, None])
    assert sorted(reasons(checked)) == ["null_id", "self_friendship"]
    assert checked.rows.to_pylist() == [{"user_a": 2, "user_b": 3}]


def test_a_row_broken_twice_is_set_aside_once() -> None:
    checked = check("photos", photo_id=[None], owner_id=[1], uri=[""], width=[-1])
    assert reasons(checked) == ["null_id"]
    assert len(checked.rows) == 0
