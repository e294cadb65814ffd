"""Bars and lines have the sizes of their numbers."""

from __future__ import annotations

import pytest

from profiling.report.charts import HEIGHT, WIDTH, diverging, growing, line_of_shares, number, percent, trimmed


def test_bars_grow_with_their_counts() -> None:
    bars = growing({"a": 50, "b": 100, "c": 0}, {"a": "first"})
    assert [(bar.label, bar.size, bar.text) for bar in bars] == [
        ("first", 0.5, "50"),
        ("b", 1.0, "100"),
        ("c", 0.0, "0"),
    ]
    assert growing({}) == []
    assert growing({"a": 0})[0].size == 0


def test_diverging_bars_leave_the_middle_to_both_sides() -> None:
    up, down, unknown = diverging({"a": 1.0, "b": -2.0, "c": float("nan")}, 2.0, {}, {})
    assert (up.start, up.size, up.negative, up.text) == (0.5, 0.25, False, "+1.00")
    assert (down.start, down.size, down.negative, down.text) == (0.0, 0.5, True, "−2.00")
    assert (unknown.size, unknown.text) == (0.0, "–")


def test_lines_rise_with_their_values_and_leave_gaps() -> None:
    line = line_of_shares("x", [0.2, None, 0.8])
    assert [point.tick for point in line.points] == ["0", "2"]
    assert line.points[0].y > line.points[1].y
    assert all(0 < point.x < WIDTH and 0 < point.y < HEIGHT for point in line.points)
    assert line_of_shares("x", []).path == ""
    assert line_of_shares("x", [0.5]).points[0].text == "50.0 %"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_unknown_numbers_are_dashes(value: float | None) -> None:
    assert percent(value) == number(value) == "–"


def test_histograms_lose_their_empty_ends() -> None:
    assert trimmed({"0": 0, "1": 1, "2": 0, "3": 3, "4": 0}) == {"1": 1, "2": 0, "3": 3}
    assert trimmed({"0": 0, "1": 0}) == trimmed({}) == {}


def test_many_rounds_are_labelled_at_their_ends() -> None:
    line = line_of_shares("x", [0.1 * step for step in range(9)])
    assert [point.text for point in line.points] == ["0.0 %", *[""] * 7, "80.0 %"]
