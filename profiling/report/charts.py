"""Geometry of the charts; the template draws them as inline SVG and escapes every text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 150  # of a chart's view box
LABELLED = 6  # points that have room for their values; of more, the first and the last are labelled
LABELLED_COLUMNS = 14  # columns that have room for their counts
EDGE = 4  # left and right of a histogram
LEFT, RIGHT, TOP, BOTTOM = 14, 14, 26, 22  # room for the labels


@dataclass(frozen=True)
class Point:
    """One value of a line: where it lies, its round, and what is written beside it."""

    x: float
    y: float
    tick: str
    text: str


@dataclass(frozen=True)
class Line:
    """A line over rounds."""

    title: str
    points: tuple[Point, ...]
    path: str


@dataclass(frozen=True)
class Bar:
    """A bar of `size` 0 to 1 that starts at `start` 0 to 1 of the track; `tone` is a class of style.css."""

    label: str
    text: str
    start: float
    size: float
    negative: bool = False
    hint: str = ""
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a histogram: where it stands, how high it is, its count, and the range that it counts."""

    x: float
    y: float
    width: float
    height: float
    tick: str
    text: str
    hint: str


@dataclass(frozen=True)
class Histogram:
    """Columns side by side on one base line."""

    title: str
    columns: tuple[Column, ...]


def percent(value: float | None, digits: int = 1) -> str:
    """A share as text; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 2) -> str:
    """A number as text with a true minus; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def line_of_shares(title: str, shares: Sequence[float | None]) -> Line:
    """A line over rounds 0, 1, …, without those of None; its axis spans the values, so that small changes show."""
    known = [share for share in shares if share is not None and math.isfinite(share)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = (WIDTH - LEFT - RIGHT) / max(1, len(shares))
    points = []
    for place, share in enumerate(shares):
        if share is None or not math.isfinite(share):
            continue
        y = TOP + (high - share) / (high - low) * (HEIGHT - TOP - BOTTOM - 14)
        room = len(shares) <= LABELLED or place in (0, len(shares) - 1)
        text = percent(share) if room else ""
        points.append(Point(round(LEFT + (place + 0.5) * step, 1), round(y + 7, 1), str(place), text))
    path = " ".join(f"{'M' if not place else 'L'}{point.x} {point.y}" for place, point in enumerate(points))
    return Line(title, tuple(points), path)


def diverging(
    values: Mapping[str, float], scale: float, labels: Mapping[str, str], hints: Mapping[str, str]
) -> list[Bar]:
    """Bars left and right of a middle line, in the order of `values`; `scale` is the value of a half track."""
    bars = []
    for name, value in values.items():
        size = min(0.5, 0.5 * abs(value) / scale) if scale > 0 and math.isfinite(value) else 0.0
        start = 0.5 - size if value < 0 else 0.5
        bars.append(Bar(labels.get(name, name), signed(value), start, size, value < 0, hints.get(name, "")))
    return bars


def growing(counts: Mapping[str, int], labels: Mapping[str, str] | None = None) -> list[Bar]:
    """Bars from the left, the largest count filling the track; each says its share of all."""
    total, largest = sum(counts.values()), max(counts.values(), default=0)
    names = labels or {}
    return [
        Bar(
            names.get(key, key),
            f"{count:,}",
            0.0,
            count / largest if largest else 0.0,
            hint=percent(count / total if total else 0.0),
        )
        for key, count in counts.items()
    ]


def columns(title: str, counts: Mapping[str, int]) -> Histogram:
    """A histogram as columns; every name is a range, of which the lower end is written below the column."""
    total, largest = sum(counts.values()), max(counts.values(), default=0)
    step = (WIDTH - 2 * EDGE) / max(1, len(counts))
    room = HEIGHT - TOP - BOTTOM
    made = []
    for place, (name, count) in enumerate(counts.items()):
        height = room * count / largest if largest else 0.0
        x, y = EDGE + (place + 0.08) * step, HEIGHT - BOTTOM - height
        tick = "<" if name.startswith("below") else name.split(" ")[0]
        hint = f"{name}: {count:,}, {percent(count / total if total else 0.0)}"
        text = f"{count:,}" if count and len(counts) <= LABELLED_COLUMNS else ""
        made.append(Column(round(x, 1), round(y, 1), round(0.84 * step, 1), round(height, 1), tick, text, hint))
    return Histogram(title, tuple(made))


def signed(value: float) -> str:
    """A contribution with its sign."""
    shown = round(value, 2) + 0.0 if math.isfinite(value) else value  # no minus zero
    return f"+{shown:.2f}" if math.isfinite(shown) and shown >= 0 else number(shown)


def trimmed(counts: Mapping[str, int]) -> dict[str, int]:
    """A histogram without the empty bins at its two ends."""
    filled = [place for place, count in enumerate(counts.values()) if count]
    if not filled:
        return {}
    return dict(list(counts.items())[filled[0] : filled[-1] + 1])
