"""The benchmark of birth years at a tiny size: ours are right at least as often as those of its peers."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_all_sides_answer_and_ours_are_as_good() -> None:
    import bench_people

    case = bench_people.case(800, egos=15)
    case.same(*[side.call() for side in case.sides])
    assert case.sides[1].share == 15 / 800
