"""The DAG files: they parse fast and light, and their forms refuse what makes no sense."""

from __future__ import annotations

import json
import sys
from typing import Any

import jsonschema
import pytest

from dags.wordings import OR_NOTHING, PATTERNS, teach_wordings
from profiling.embedding import MODELS
from profiling.settings import Settings
from tests.dags.conftest import HERE, ROOT, Airflow

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FORM, NIGHTLY, TRAINING = "rebuild_profiles", "nightly_profiles", "train_scorer"
PUBLISHING = "publish_profiles"
FORGETTING, RETENTION, COMPACTION = "forget_users", "retire_generations", "compact_faces"
OF_A_PERSON = "approval"  # waits for an answer, not for a job

teach_wordings()


@pytest.fixture(scope="module")
def described(airflow: Airflow) -> dict[str, Any]:
    done = airflow.run(sys.executable, HERE / "describe_dags.py", ROOT / "dags")
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_only_dags_are_read_and_all_of_them_parse(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert described["files"] == len(described["dags"])
    assert set(described["dags"]) == {FORM, NIGHTLY, TRAINING, PUBLISHING, FORGETTING, RETENTION, COMPACTION}


def test_all_dag_files_parse_in_under_a_second_and_import_nothing_heavy(described: dict[str, Any]) -> None:
    assert described["seconds"] < 1.0
    assert described["heavy"] == []


def test_every_dag_says_what_it_is_and_whose(described: dict[str, Any]) -> None:
    for dag in described["dags"].values():
        assert len(dag["doc"]) > 200
        assert "kith" in dag["tags"]
        assert dag["max_active_runs"] == 1
        for name, task in dag["tasks"].items():
            assert task["owner"] == "kith"
            assert task["callbacks"][-1] == "say_what_to_do"
            assert name == OF_A_PERSON or (task["retries"] >= 1 and task["timeout"])


def test_every_pool_is_one_that_is_set_up(described: dict[str, Any]) -> None:
    pools = json.loads((ROOT / "dags" / "pools.json").read_text())
    used = {task["pool"] for dag in described["dags"].values() for task in dag["tasks"].values()}
    assert used == set(pools)


def test_the_stages_of_a_rebuild_follow_each_other(described: dict[str, Any]) -> None:
    tasks = described["dags"][FORM]["tasks"]
    order = []
    while len(order) < len(tasks):
        order += [name for name in tasks if name not in order and set(tasks[name]["upstream"]) <= set(order)][:1]
    assert order[:6] == ["partition", "select", "embed", "people", "cluster", "round_0"]
    assert order[-5:] == ["broaden", "audit", "gates", "approval", "publish"]
    assert tasks["embed"]["pool"] == tasks["broaden"]["pool"] == "kith_gpu"
    nightly = described["dags"][NIGHTLY]["tasks"]
    assert {name: task["upstream"] for name, task in nightly.items()} == {n: t["upstream"] for n, t in tasks.items()}


def test_a_night_begins_by_the_clock_or_when_the_population_changes(described: dict[str, Any]) -> None:
    assert described["dags"][NIGHTLY]["schedule"] == "0 2 * * *"
    assert described["dags"][NIGHTLY]["assets"] == ["kith_population"]
    outlets = {name: task["outlets"] for name, task in described["dags"][NIGHTLY]["tasks"].items() if task["outlets"]}
    assert outlets == {"gates": ["kith_generation"], "publish": ["kith_published_generation"]}
    assert described["dags"][TRAINING]["tasks"]["propose"]["outlets"] == ["kith_proposed_scorer"]


def test_erasing_and_retiring_look_by_the_clock_and_wait_for_the_lake(described: dict[str, Any]) -> None:
    for name, task in ((FORGETTING, "erase"), (RETENTION, "retire"), (COMPACTION, "compact")):
        arguments = described["dags"][name]["tasks"][task]["arguments"]
        assert "--wait=43200" in arguments
        assert described["dags"][name]["schedule"]


def test_what_is_gone_leaves_the_files_within_seven_days(described: dict[str, Any]) -> None:
    assert described["dags"][COMPACTION]["schedule"] == "0 6 * * 3"


def test_a_nightly_run_keeps_to_the_artefacts_that_its_first_task_chose(described: dict[str, Any]) -> None:
    tasks = described["dags"][NIGHTLY]["tasks"]
    stages = {name: task["arguments"] for name, task in tasks.items() if "build" in (task["arguments"] or [])}
    assert {"partition", "embed", "round_0", "audit"} <= set(stages)
    for name, arguments in stages.items():
        assert "--nightly" in arguments
        assert any("--artefacts=" in each for each in arguments) == (name != "partition")


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
    for dag in described["dags"].values():
        for schema in (each["schema"] for each in dag["params"].values()):
            numbers = {"integer", "number"} & {*schema["type"]} if isinstance(schema["type"], list) else schema["type"]
            if numbers and numbers in ("integer", "number", {"integer"}, {"number"}) and "enum" not in schema:
                assert {"minimum", "maximum"} <= set(schema)


Values = dict[str, dict[str, list[Any]]]

PUBLISH_GOOD = {
    "publish": ["never", "after approval", "automatic"],
    "store": [None, "arrow:///data/store", "cassandra://kith@db:9042/kith", "connection://kith"],
    "dry_run": [True, False],
}
PUBLISH_BAD = {
    "publish": ["always", "", None],
    "store": ["", "arrow://store", "/data/store", "cassandra://a b", "arrow:///a\nb"],
    "dry_run": ["yes", None],
}
GOOD: Values = {
    FORM: PUBLISH_GOOD
    | {
        "population": ["/data/people", "s3://bucket/people"],
        "lake": ["/data/a lake", "s3://bucket/lake", "gs://bucket/a/b", "az://bucket"],
        "users": ["all", "unresolved", "17", "17, 42,-3", "17 42", "/data/users.txt", "s3://bucket/users.txt"],
        "precision": [None, 0.5, 0.995, 1],
        "name": ["", "autumn-2026"],
        "model": ["dlib", "edgeface-xs", "mine_2.0"],
        "photos_per_user": [1, 100],
        "rounds": [0, 8],
        "buckets": [None, 1, 16, 4096],
        "retry_failed": [True],
        "settings": [None, "/etc/kith.toml"],
    },
    NIGHTLY: PUBLISH_GOOD
    | {"population": [None, "/data/people"], "lake": [None, "s3://b/lake"], "publish": [None, "automatic"]},
    PUBLISHING: {
        "lake": ["/data/a lake"],
        "generation": ["g0123456789ab", "autumn-2026"],
        "store": PUBLISH_GOOD["store"][1:],
        "approve": [True, False],
        "against": ["", "none", "g0123456789ab"],
    },
    TRAINING: {"lake": ["/lake"], "truth": [None, "/truth"], "out": ["/a b.json"], "precision": [0.5, 0.99, 1]},
    RETENTION: {"lake": [None, "/data/lake"], "store": PUBLISH_GOOD["store"]},
    FORGETTING: {"lake": [None, "/data/lake"], "store": PUBLISH_GOOD["store"], "now": [True, False]},
    COMPACTION: {"lake": [None, "/data/lake"]},
}
BAD: Values = {
    FORM: PUBLISH_BAD
    | {
        "population": ["", "people", "--help", "/a\nb", None, 3],
        "lake": ["", "lake", "s3://", "s3:///lake", "https://bucket/lake", "/a\x00", None],
        "users": ["", "everybody", "17, anna", "17;42", "1-2", "--base", "users.txt", None, 17],
        "precision": [0.4, 1.1, -0.9, ".99"],
        "name": ["a b", "x" * 65, "$(id)", "a/b"],
        "model": ["", "--model", "a b", "../x"],
        "photos_per_user": [0, -1, 2001, "many", 1.5],
        "rounds": [-1, 9, None],
        "buckets": [0, 3, 17, "16"],
        "retry_failed": ["yes"],
        "settings": ["kith.toml", "/etc/passwd", ""],
    },
    NIGHTLY: PUBLISH_BAD | {"population": ["people", ""], "lake": ["lake", ""], "publish": ["always", ""]},
    PUBLISHING: {
        "lake": ["", "lake", None],
        "generation": ["", "a b", "$(id)", "a/b", None],
        "store": [*PUBLISH_BAD["store"], None],
        "approve": ["yes", None],
        "against": ["a b", None],
    },
    TRAINING: {"lake": [None, "x"], "truth": ["x", ""], "out": ["/scorer", "a.json", ""], "precision": [0.4, 2, "1"]},
    RETENTION: {"lake": ["lake", ""], "store": PUBLISH_BAD["store"]},
    FORGETTING: {"lake": ["lake", ""], "store": PUBLISH_BAD["store"], "now": ["yes", None]},
    COMPACTION: {"lake": ["lake", ""]},
}


def cases(values: Values) -> list[tuple[str, str, Any]]:
    return [(dag, field, value) for dag, fields in values.items() for field in fields for value in fields[field]]


@pytest.mark.parametrize(("dag", "field", "value"), cases(GOOD))
def test_the_form_takes_what_makes_sense(described: dict[str, Any], dag: str, field: str, value: Any) -> None:
    jsonschema.validate(value, described["dags"][dag]["params"][field]["schema"])


@pytest.mark.parametrize(("dag", "field", "value"), cases(BAD))
def test_the_form_refuses_what_makes_no_sense(described: dict[str, Any], dag: str, field: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, described["dags"][dag]["params"][field]["schema"])


TEXTS = [(dag, field, value) for dag, field, value in cases(BAD) if value is None or isinstance(value, str)]


@pytest.mark.parametrize(("dag", "field", "value"), TEXTS)
def test_a_refused_text_is_a_sentence_that_says_what_is_wanted(
    described: dict[str, Any], dag: str, field: str, value: Any
) -> None:
    schema = described["dags"][dag]["params"][field]["schema"]
    with pytest.raises(jsonschema.ValidationError) as error:
        jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())
    said = error.value.message
    if "pattern" in schema:
        assert said == f"{value!r} is not a {schema['format']!r}"
        assert schema["format"].removesuffix(OR_NOTHING) in PATTERNS
    assert schema.get("pattern", "no pattern") not in said


def test_a_good_and_a_bad_value_are_tried_for_every_field(described: dict[str, Any]) -> None:
    for name, dag in described["dags"].items():
        assert set(dag["params"]) == set(GOOD[name]) == set(BAD[name])
