"""The command line: errors are one line on standard error with exit code 2, JSON is nothing but JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ray_tasks.explaining import Explainer
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from tests.conftest import Built


def kith(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ray_tasks", *(str(each) for each in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def one_line(run: subprocess.CompletedProcess[str]) -> str:
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("kith: ")
    assert run.stderr.count("\n") == 1, run.stderr
    assert run.stdout == ""
    return run.stderr


def test_every_command_explains_itself() -> None:
    run = kith("--help")
    assert run.returncode == 0
    for command in (
        "demo",
        "import",
        "build",
        "status",
        "report",
        "evaluate",
        "audit",
        "explain",
        "train-scorer",
        "models",
    ):
        assert command in run.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("build", "/nowhere", "--lake", "{tmp}/lake"), "is no folder"),
        (("build", "{tmp}", "--lake", "{tmp}/lake"), "users.parquet"),
        (("build", "{tmp}", "--lake", "{tmp}/lake", "--model", "nonsense"), "nonsense"),
        (("build", "{tmp}", "--lake", "{tmp}/lake", "--set", "clustering.eps=-1"), "clustering.eps"),
        (("build", "{tmp}", "--lake", "{tmp}/lake", "--buckets", "3"), "power of two"),
        (("build", "{tmp}", "--lake", "{tmp}/lake", "--users", "anna"), "is no file of ids"),
        (("build", "{tmp}", "--lake", "{tmp}/lake", "--set", "scoring.precision=.9999"), "held-back users"),
        (("status", "{tmp}/lake"), "is no lake"),
        (("report", "{tmp}/lake"), "is no lake"),
        (("import", "/nowhere", "--out", "{tmp}/p"), "is no folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    assert says in one_line(kith(*(each.format(tmp=tmp_path) for each in arguments)))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    population = tmp_path / "population"
    population.mkdir()
    pq.write_table(pa.table({"user_id": [1]}), population / "users.parquet")
    pq.write_table(pa.table({"photo_id": [1], "uri": ["a.jpg"]}), population / "photos.parquet")
    said = one_line(kith("build", population, "--lake", tmp_path / "lake"))
    assert "photos.parquet: column 'owner_id' is missing" in said


@pytest.mark.slow
def test_status_and_audit_speak_json(built: Built) -> None:
    status = json.loads(kith("status", built.lake, "--json").stdout)
    assert status["generations"][0] == built.generation
    assert status["writer"] is None
    assert status["photos_by_reason"]["ok"] > 10
    assert status["run"]["stages"]["embed"]["unit"] == "photos"
    audit = kith("audit", built.lake, "--generation", built.generation, "--json")
    assert json.loads(audit.stdout)["passed"] is (audit.returncode == 0)


@pytest.mark.slow
def test_evaluate_prints_every_metric_with_count_and_interval(built: Built) -> None:
    run = kith("evaluate", built.lake, "--truth", built.population / "truth", "--json", "--cpus", 2)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    shares = ["coverage", "precision", "leader_accuracy", "baseline_largest_cluster", "face_recall", "cluster_purity"]
    for name in [*shares, "tp_at_fp_0.001", "tp_all"]:
        assert {"value", "count", "of", "interval"} <= set(found[name]), name
    assert found["face_recall"]["value"] > 0.9
    assert {"users", "rounds", "by_kind"} <= set(found)
    assert {"leader_accuracy", "coverage", "precision", "moved"} <= set(found["rounds"][0])
    again = kith("evaluate", built.lake, "--truth", built.population / "truth", "--json")
    assert json.loads(again.stdout) == found


@pytest.mark.slow
def test_the_report_is_one_file_without_outside_links(built: Built, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    run = kith("report", built.lake, "--out", page)
    assert run.returncode == 0, run.stderr
    html = page.read_text()
    assert "data:image" in html
    assert not [word for word in ('src="http', 'href="http', "@import", "url(http") if word in html]
    assert one_line(kith("report", built.lake, "--out", page, "--user", "123456789")).endswith("check the id\n")


@pytest.mark.slow
def test_explain_weighs_every_user_as_the_build_did(built: Built) -> None:
    lake = Lake.open(built.lake)
    generation = find_generation(lake, built.generation)
    tables = GenerationTables(lake, generation)
    profiles, scores = (tables.table(generation.last_round, name) for name in ("profiles", "scores"))
    explainer = Explainer(tables)
    for row in profiles.to_pylist():
        told = explainer.explain(row["user_id"])
        assert (told.reason, told.leader, told.second) == (row["reason"], row["leader"], row["second"])
        mine = scores.filter(pc.equal(scores["user_id"], row["user_id"]))
        assert [np.float32(one.weight) for one in told.clusters] == mine["weight"].to_pylist()


@pytest.mark.slow
def test_explain_speaks_to_people_and_to_programs(built: Built) -> None:
    lake = Lake.open(built.lake)
    profiles = GenerationTables(lake, find_generation(lake, built.generation)).table("score-0", "profiles")
    user = next(row["user_id"] for row in profiles.to_pylist() if row["reason"] == "ok")
    spoken = kith("explain", built.lake, user, "--round", 0)
    assert spoken.returncode == 0, spoken.stderr
    assert "What would have changed it" in spoken.stdout
    found = json.loads(kith("explain", built.lake, user, "--round", 0, "--json").stdout)
    assert (found["user_id"], found["round"], found["reason"]) == (user, 0, "ok")
    assert found["verdict"] in spoken.stdout
    assert "has rounds 0 to" in one_line(kith("explain", built.lake, user, "--round", 99))
    assert "holds no such user" in one_line(kith("explain", built.lake, 123456789))


@pytest.mark.slow
def test_audit_and_report_take_the_truth(built: Built, tmp_path: Path) -> None:
    truth = built.population / "truth"
    errors = json.loads(kith("audit", built.lake, "--truth", truth, "--json").stdout)["errors"]
    evaluated = json.loads(kith("evaluate", built.lake, "--truth", truth, "--json").stdout)
    assert {row["name"]: row["precision"] for row in errors["kind"]} == {
        kind: row["precision"] for kind, row in evaluated["by_kind"].items()
    }
    for rows in errors.values():
        assert sum(row["precision"]["count"] for row in rows) == evaluated["precision"]["count"]
    page = tmp_path / "report.html"
    assert kith("report", built.lake, "--truth", truth, "--out", page).returncode == 0
    assert "truth: right" in page.read_text()
