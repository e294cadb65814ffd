"""Answers that do not go together are one sentence, told by the first task before anything is submitted."""

from __future__ import annotations

from typing import Any

import pytest

from dags.contradictions import find_contradiction
from dags.forms import APPROVED, AUTOMATIC, NEVER
from tests.dags.conftest import Airflow
from tests.dags.test_rebuild import run, states

STORE = "arrow:///store"


@pytest.mark.parametrize(
    ("publish", "store", "dry_run", "said"),
    [
        (NEVER, "", False, NEVER),
        (NEVER, "", True, None),
        (AUTOMATIC, STORE, False, AUTOMATIC),
        (APPROVED, STORE, False, None),
        (AUTOMATIC, "", True, None),  # a night's variable says automatic, the form only asks for a dry run
    ],
)
def test_answers_that_go_together_pass(publish: str, store: str, dry_run: bool, said: str | None) -> None:
    assert find_contradiction(publish, store, dry_run, said) is None


@pytest.mark.parametrize(
    ("publish", "store", "dry_run", "said", "words"),
    [
        (AUTOMATIC, "", False, AUTOMATIC, "publish is 'automatic', but no profile store is named"),
        (APPROVED, "", False, None, "publish is 'after approval', but no profile store is named"),
        (AUTOMATIC, STORE, True, AUTOMATIC, "a dry run makes no generation that could be published"),
        ("always", STORE, False, None, "publish is 'always'; choose never, after approval, automatic"),
    ],
)
def test_answers_that_contradict_each_other_are_told(
    publish: str, store: str, dry_run: bool, said: str | None, words: str
) -> None:
    told = find_contradiction(publish, store, dry_run, said)
    assert told is not None
    assert words in told


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("day", "dag", "conf", "words"),
    [
        (20, "rebuild_profiles", {"population": "/p", "lake": "/l", "publish": "automatic"}, "no profile store is nam"),
        (21, "nightly_profiles", {"lake": "/l"}, "no population is named; set the Airflow variable kith_population"),
    ],
)
def test_the_first_task_refuses_them_without_a_job_or_another_try(
    airflow: Airflow, day: int, dag: str, conf: dict[str, Any], words: str
) -> None:
    outcome, log = run(airflow, dag, day, **conf)  # no connection to Ray: a job could not even be submitted
    assert outcome["tasks"]["partition"] == {"state": "failed", "try": 1}
    assert set(states(outcome).values()) == {"failed", "upstream_failed"}
    assert words in log
    assert "trigger a new run" in log
