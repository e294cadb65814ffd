"""The DAG files: they parse fast and light, and their forms refuse what makes no sense."""

from __future__ import annotations

import json
import sys
from typing import Any

import jsonschema
import pytest

from profiling.embedding import MODELS
from profiling.settings import Settings
from tests.dags.conftest import HERE, ROOT, Airflow

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FORM = "rebuild_profiles"


@pytest.fixture(scope="module")
def described(airflow: Airflow) -> dict[str, Any]:
    done = airflow.run(sys.executable, HERE / "describe_dags.py", ROOT / "dags")
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_only_dags_are_read_and_all_of_them_parse(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert described["files"] == len(described["dags"])
    assert set(described["dags"]) == {"rebuild_profiles"}


def test_all_dag_files_parse_in_under_a_second_and_import_nothing_heavy(described: dict[str, Any]) -> None:
    assert described["seconds"] < 1.0
    assert described["heavy"] == []


def test_every_dag_says_what_it_is_and_whose(described: dict[str, Any]) -> None:
    for dag in described["dags"].values():
        assert len(dag["doc"]) > 200
        assert "kith" in dag["tags"]
        assert dag["max_active_runs"] == 1
        for task in dag["tasks"].values():
            assert task["owner"] == "kith"
            assert task["retries"] >= 1
            assert task["timeout"]


def test_every_pool_is_one_that_is_set_up(described: dict[str, Any]) -> None:
    pools = json.loads((ROOT / "dags" / "pools.json").read_text())
    used = {task["pool"] for dag in described["dags"].values() for task in dag["tasks"].values()}
    assert used == set(pools)


def test_the_stages_of_a_rebuild_follow_each_other(described: dict[str, Any]) -> None:
    tasks = described["dags"][FORM]["tasks"]
    order = []
    while len(order) < len(tasks):
        order += [name for name in tasks if name not in order and set(tasks[name]["upstream"]) == set(order[-1:])]
    assert order[:6] == ["partition", "select", "people", "embed", "cluster", "round_0"]
    assert order[-2:] == ["broaden", "audit"]


def test_every_field_has_a_title_a_description_and_a_section(described: dict[str, Any]) -> None:
    for dag in described["dags"].values():
        for name, field in dag["params"].items():
            assert field["schema"].get("title"), name
            assert field["schema"].get("section"), name
            assert field["description"], name


def test_numbers_have_the_settings_defaults_and_ranges(described: dict[str, Any]) -> None:
    fields, settings = described["dags"][FORM]["params"], Settings()
    assert fields["photos_per_user"]["value"] == settings.selection.photos_per_user
    assert fields["rounds"]["value"] == settings.scoring.rounds
    assert set(fields["model"]["schema"]["examples"]) <= set(MODELS)
    for field in fields.values():
        if field["schema"]["type"] == "integer":
            assert {"minimum", "maximum"} <= set(field["schema"])


GOOD = {
    "population": ["/data/people", "s3://bucket/people"],
    "lake": ["/data/a lake"],
    "name": ["", "autumn-2026"],
    "model": ["dlib", "edgeface-xs", "mine_2.0"],
    "photos_per_user": [1, 100],
    "rounds": [0, 8],
    "retry_failed": [True],
    "settings": [None, "/etc/kith.toml"],
}
BAD = {
    "population": ["", "people", "--help", "/a\nb", None, 3],
    "lake": ["", "lake", "s3://bucket/lake", "/a\x00"],
    "name": ["a b", "x" * 65, "$(id)", "a/b"],
    "model": ["", "--model", "a b", "../x"],
    "photos_per_user": [0, -1, 2001, "many", 1.5],
    "rounds": [-1, 9, None],
    "retry_failed": ["yes"],
    "settings": ["kith.toml", "/etc/passwd", ""],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in GOOD.items() for value in values])
def test_the_form_takes_what_makes_sense(described: dict[str, Any], field: str, value: Any) -> None:
    jsonschema.validate(value, described["dags"][FORM]["params"][field]["schema"])


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_the_form_refuses_what_makes_no_sense(described: dict[str, Any], field: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, described["dags"][FORM]["params"][field]["schema"])


def test_a_good_and_a_bad_value_are_tried_for_every_field(described: dict[str, Any]) -> None:
    assert set(described["dags"][FORM]["params"]) == set(GOOD) == set(BAD)
