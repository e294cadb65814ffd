"""A plan is arithmetic that can be done by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from profiling.errors import SettingsError
from profiling.plan_parts import PARTS
from profiling.planning import Plan, Work, make_plan, read_changes

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "parts.json"
FREE = {part.name: 0.0 for part in PARTS if part.name.endswith(("_ms", "_ms_mp"))} | {"overhead": 0.0}


def _stage(plan: Plan, name: str) -> float:
    return next(stage.hours for stage in plan.stages if stage.name == name)


def test_hours_follow_from_milliseconds_by_hand() -> None:
    costs = FREE | {"detect_ms_mp": 100.0, "megapixels": 0.5, "embed_ms": 5.0, "faces_per_photo": 2.0}
    plan = make_plan(Work(users=1e6, photos_per_user=10, cores=4), costs, nodes=5)
    assert _stage(plan, "photos") == pytest.approx(1e7 * (0.050 + 0.010) / 20 / 3600)
    assert plan.bottleneck == "photos, bound by cores"
    plan = make_plan(Work(users=1e6, rounds=4, cores=4), FREE | {"score_ms": 2.0, "friends": 0.0}, nodes=5)
    assert _stage(plan, "rounds") == pytest.approx(1e6 * 5 * 0.002 / 20 / 3600)


def test_as_many_nodes_as_the_wanted_photos_a_day_need_and_no_more() -> None:
    work = Work(users=330e6, photos_per_day=1e9)
    plan = make_plan(work)
    assert plan.to_json()["photos_per_day_reached"] >= 1e9
    assert make_plan(work, nodes=plan.nodes - 1).to_json()["photos_per_day_reached"] < 1e9


def test_a_thin_line_bounds_the_photos_and_not_their_cores() -> None:
    assert make_plan(Work(users=1e6), {"network_gbit": 0.01}).bottleneck.endswith("network")


def test_beside_enough_gpus_decoding_bounds_a_node() -> None:
    work = Work(users=1e6, cores=16, gpus=1)
    assert make_plan(work, {"gpu_detect": 1e6, "gpu_embed": 1e6}).bottleneck == "photos, bound by cores (decoding)"
    assert make_plan(work, {"gpu_detect": 1.0}).bottleneck == "photos, bound by GPUs"


def test_every_number_has_a_source_and_none_of_a_gpu_counts_as_measured() -> None:
    assert all(part.source and part.unit for part in PARTS)
    assert {part.kind for part in PARTS if part.name.startswith("gpu_")} == {"assumed"}
    named = {part.name for part in make_plan(Work(users=1e6, gpus=1)).assumptions}
    assert named == {part.name for part in PARTS}


def test_a_changed_assumption_stands_in_the_plan() -> None:
    plan = make_plan(Work(users=1e6), read_changes(["embed_ms=3"]))
    assert next(part.value for part in plan.assumptions if part.name == "embed_ms") == 3.0
    assert plan.changed == ("embed_ms",)


@pytest.mark.parametrize(
    "text", ["embed_ms", "unknown=1", "embed_ms=fast", "embed_ms=-1", "embed_ms=nan", "friends=1e9"]
)
def test_a_bad_assumption_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="--assume"):
        read_changes([text])


@pytest.mark.parametrize(
    "bad", [{"users": 0}, {"users": float("nan")}, {"users": 1, "cores": 0}, {"users": 1, "gpus": -1}]
)
def test_work_that_makes_no_sense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="--"):
        Work(**bad)  # type: ignore[arg-type]


def test_the_costs_of_photos_are_those_that_the_benchmark_measured_last() -> None:
    rows = json.loads(RESULTS.read_text())["runs"][-1]["rows"]
    at = {part.name: part.value for part in PARTS}
    for row in rows:
        what, _, about = row["case"].partition(", ")
        measured = 1000 * row["median_s"] / row["units"]
        if what == "embed":
            planned = at["embed_ms"] if about == "dlib" else measured
        else:
            megapixels = float(about.rpartition(", ")[2].split()[0])
            planned = at[f"{what}_ms"] + at[f"{what}_ms_mp"] * megapixels
        assert planned == pytest.approx(measured, rel=0.1), row["case"]
