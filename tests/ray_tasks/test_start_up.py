"""A run tells its start-up from its work."""

from __future__ import annotations

from ray_tasks.lake import Lake
from tests.conftest import Built


def test_a_build_notes_how_long_ray_and_the_actors_took_to_start(built: Built) -> None:
    (note,) = (note for note in Lake.open(built.lake).notes("runs") if note["command"].startswith("build"))
    stages = note["stages"]
    first = next(stage for stage in stages.values() if "ray" in stage["start_up"])
    assert first["start_up"]["ray"] > 0.1  # a GCS and a raylet begin
    assert stages["embed"]["start_up"]["actors"] > 0.1  # torch is imported, weights are loaded
    for stage in stages.values():
        assert sum(stage["start_up"].values()) <= stage["ended"] - stage["started"] + 0.01
    late = [stage["start_up"].get("ray", 0.0) for stage in stages.values() if stage is not first]
    assert max(late) < first["start_up"]["ray"] / 10  # Ray starts once
