"""The benchmark of a night at a tiny size: night and rebuild end in one generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import BUCKETS, Built


@pytest.mark.slow
def test_a_night_and_a_rebuild_of_the_day_are_one_generation(built: Built, tmp_path: Path) -> None:
    import bench_nightly
    import nightly

    changed = nightly.change(built.population, tmp_path / "today", share=0.01)
    assert changed == 3  # one added, one deleted, one replaced
    options = ("--settings", str(built.settings), "--buckets", str(BUCKETS))
    day = bench_nightly.Day(built.lake, built.generation, tmp_path / "today", options)
    found = day.night(tmp_path / "lake")
    assert found.generation != built.generation
    assert found.photos == 2
    assert day.rebuild(tmp_path / "other").generation == found.generation
