"""The picture of a curve: well-formed, inside its frame, and with what the scorer says."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from profiling.curve_picture import HEIGHT, WIDTH, draw_curve
from profiling.margins import curve

SVG = "{http://www.w3.org/2000/svg}"


def provenance(seed: int, precision: float = 0.9) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    rounds = []
    for _ in range(3):
        strength, right = rng.uniform(-0.2, 1.5, 300), rng.random(300) < precision
        points = curve(strength, right, 1, 300)
        rounds.append({"curve": points, "precision": points[4]["precision"], "coverage": points[4]["coverage"]})
    return {"labelled_users": 300, "cross_validated": rounds}


@pytest.mark.parametrize(("seed", "precision"), [(0, 0.9), (1, 1.0), (2, 0.0)])
def test_all_points_lie_in_the_frame_and_better_lies_higher(seed: int, precision: float) -> None:
    about = provenance(seed, precision)
    root = ElementTree.fromstring(draw_curve(about))  # noqa: S314  our own text
    lines = root.findall(f"{SVG}polyline")
    assert len(lines) == len(root.findall(f"{SVG}circle")) == 3
    for line, each in zip(lines, about["cross_validated"], strict=True):
        places = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
        known = [point for point in each["curve"] if point["precision"] is not None]
        assert len(places) == len(known)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
        shown = np.array(places)
        drop = np.corrcoef(shown[:, 1], [point["precision"] for point in known])[0, 1] if precision == 0.9 else -1
        assert drop == pytest.approx(-1, abs=1e-3)


def test_what_the_margin_gives_is_written() -> None:
    about = provenance(4)
    text = draw_curve(about)
    for each in about["cross_validated"]:
        assert f"{each['precision']:.4f} at {each['coverage']:.4f}" in text
    assert "300 labelled users" in text
    assert draw_curve(about) == text
