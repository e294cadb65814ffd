"""The benchmarks of the whole at a tiny size: both sides run, tell their start-up apart, and are judged alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Built


@pytest.mark.slow
def test_the_naive_script_finds_most_owners_of_drawn_albums(drawn: Path, tmp_path: Path) -> None:
    pytest.importorskip("facenet_pytorch", reason="make bench-setup installs what we compare with")
    import naive_quality

    script = Path(naive_quality.__file__).parent / "naive.py"
    command = [sys.executable, str(script), str(drawn), "--out", str(tmp_path), "--workers", "1"]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert told["faces"] > 0
    assert told["start_up"] > 0
    quality = naive_quality.quality_of_naive(tmp_path, drawn)
    assert quality.leaders[0] > quality.leaders[1] / 2


@pytest.mark.slow
def test_a_timed_build_is_pinned_and_its_stages_and_start_up_fill_its_time(built: Built, tmp_path: Path) -> None:
    import timed_build

    settings = ["--settings", str(built.settings), "--buckets", "4"]
    found = timed_build.timed_build(built.population, tmp_path / "lake", [min(timed_build.all_cores())], settings)
    assert found.generation == built.generation  # one worker makes what two made
    assert {"imports", "ray", "actors"} <= found.start_up.keys()
    assert 0 < sum(found.stages.values()) <= found.seconds
    quality = timed_build.quality_of_lake(tmp_path / "lake", found.generation, built.population / "truth")
    assert quality.leaders[0] == quality.leaders[1]


def test_a_side_may_tell_its_own_seconds_and_what_differs_is_refused() -> None:
    from harness import Case, Side, Timed, measure

    def same(one: int, other: int) -> None:
        assert one == other

    sides = [Side("quick", lambda: Timed(1, 0.5, {"start-up": "9 s"})), Side("slow", lambda: Timed(1, 2.0))]
    quick, slow = measure(Case("work", 1, "things", sides, same, warm=False), repeats=3)
    assert (quick.median, slow.median) == (0.5, 2.0)
    assert quick.told == {"start-up": "9 s"}
    wrong = [sides[0], Side("wrong", lambda: Timed(2, 1.0))]
    with pytest.raises(AssertionError):
        measure(Case("work", 1, "things", wrong, same, warm=False), repeats=1)
