"""What Airflow's REST API, and so the form that shows its answer, says to values that make no sense."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from dags.wordings import LAKE, MODEL, PLACE, SCORER, USERS
from tests.dags.conftest import HERE, ROOT, Airflow
from tests.dags.rest import OPEN

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

GOOD = {"population": "/data/people", "lake": "s3://bucket/lake"}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("rebuild_profiles", GOOD | {"population": "people"}, f"param population: 'people' is not a {PLACE!r}"),
    ("rebuild_profiles", GOOD | {"population": None}, f"param population: None is not a {PLACE!r}"),
    ("rebuild_profiles", {"lake": "/data/lake"}, "param population: No value passed"),
    ("rebuild_profiles", GOOD | {"lake": "ftp://host/lake"}, f"param lake: 'ftp://host/lake' is not a {LAKE!r}"),
    ("rebuild_profiles", GOOD | {"photos_per_user": -5}, "photos_per_user: -5 is less than the minimum of 1"),
    ("rebuild_profiles", GOOD | {"rounds": 9}, "param rounds: 9 is greater than the maximum of 8"),
    ("rebuild_profiles", GOOD | {"users": "17, anna"}, f"param users: '17, anna' is not a {USERS!r}"),
    ("rebuild_profiles", GOOD | {"precision": 99}, "param precision: 99 is greater than the maximum of 1"),
    ("rebuild_profiles", GOOD | {"model": "../x"}, f"param model: '../x' is not a {MODEL!r}"),
    ("rebuild_profiles", GOOD | {"publish": "always"}, "param publish: 'always' is not one of ['never', 'after approv"),
    ("nightly_profiles", {"lake": "lake"}, f"param lake: 'lake' is not a '{LAKE}; it may also be left empty'"),
    ("train_scorer", {"lake": "/l", "out": "x.json"}, f"param out: 'x.json' is not a {SCORER!r}"),
]


@pytest.fixture(scope="module")
def answers(airflow: Airflow) -> list[tuple[int, str]]:
    """Status and detail of each of `REFUSED`, then of a form that makes sense."""
    ours = OPEN | {"AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags")}
    forms = [(dag, form) for dag, form, _ in REFUSED] + [("rebuild_profiles", GOOD)]
    script = HERE / "refused_forms.py"
    done = Airflow(airflow.environment | ours).run(sys.executable, script, ROOT / "dags", json.dumps(forms))
    assert done.returncode == 0, done.stderr[-3000:]
    return [(code, detail) for code, detail in json.loads(done.stdout.splitlines()[-1])]


def test_what_makes_no_sense_is_refused_with_a_sentence(answers: list[tuple[int, str]]) -> None:
    for (code, detail), (_, form, words) in zip(answers, REFUSED, strict=False):
        assert code == 400, form
        sentence = detail.splitlines()[0]
        assert sentence.startswith("Invalid input for param")
        assert words in sentence


def test_what_makes_sense_is_taken(answers: list[tuple[int, str]]) -> None:
    assert answers[-1] == (200, None)
