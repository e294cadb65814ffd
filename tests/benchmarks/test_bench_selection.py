"""The benchmark of selection at a tiny size: its three sides make the same rows."""

from __future__ import annotations

import pytest

pytest.importorskip("duckdb")


def test_all_sides_agree() -> None:
    import bench_selection

    case = bench_selection.case(3_000, share=0.2)
    case.same(*[side.call() for side in case.sides])
    assert case.units > 1_000
