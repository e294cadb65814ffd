"""The alerts, fired for real: a lake and a store in the state that each is about, and a clock that is told."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from profiling.store import create_store
from ray_tasks.alerts import ALERTS, HOUR_S, METRICS, judge
from ray_tasks.asking import forget_question, note_question
from ray_tasks.cli.alerts import FIRED
from ray_tasks.lake import Lake
from ray_tasks.lake_state import DAY_S, measure
from ray_tasks.ledger import add_to_ledger
from ray_tasks.lock import WriterLock, current_holder
from ray_tasks.metrics import (
    APPROVAL_WAITING,
    FAILED_SHARE,
    FORGOTTEN_LATE,
    GENERATION_AGE,
    LOCK_HELD,
    SET_ASIDE,
    SINCE_COMMIT,
    STATE,
    Metric,
)
from ray_tasks.progress import RunProgress
from ray_tasks.set_aside import TRIES, note_failure
from tests.dags.conftest import wait_until
from tests.profiling.store.populations import draw_profiles, publish

DAYS = 7.0  # until the forgotten must be erased
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", 2)


def limit(metric: Metric) -> float:
    return next(limit for alert in ALERTS for each, limit in alert.limits if each is metric)


def fired(lake: Lake, now: float, store: Any = None) -> list[Metric]:
    return [each.metric for each in judge(measure(lake, store, DAYS, now))]


def kith_alerts(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "ray_tasks", "alerts", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "KITH_STORE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def test_the_limits_are_those_that_were_asked_for() -> None:
    hours = {GENERATION_AGE: 36, LOCK_HELD: 12, APPROVAL_WAITING: 12, SINCE_COMMIT: 0.5}
    assert {metric: limit(metric) / HOUR_S for metric in hours} == hours
    assert len(ALERTS) == 6
    assert len({alert.name for alert in ALERTS}) == 6


def test_a_lake_where_nothing_happens_fires_nothing(lake: Lake) -> None:
    assert fired(lake, time.time() + 1000 * HOUR_S) == []


def test_an_old_generation_fires_at_the_command_line(tmp_path: Path, lake: Lake) -> None:
    uri = f"arrow://{tmp_path}/store"
    with contextlib.closing(create_store(uri)) as store:
        assert GENERATION_AGE not in measure(lake, store, DAYS, time.time())
        begun = publish(store, "g1", draw_profiles([*range(20)], 1)).created
        assert fired(lake, begun + 36 * HOUR_S - 1, store) == []
        assert fired(lake, begun + 36 * HOUR_S + 1, store) == [GENERATION_AGE]
    code, said = kith_alerts(lake.folder, "--store", uri, "--at", begun + 37 * HOUR_S)
    assert code == FIRED
    assert said.splitlines()[:3] == [
        "KithGenerationOld: FIRES",
        "  the active generation is older than 36 hours: 37.0 hours",
        f"  runbook: {ALERTS[0].runbook}",
    ]
    assert said.count("FIRES") == 1
    code, said = kith_alerts(lake.folder, "--store", uri, "--json")
    assert (code, json.loads(said)["fired"]) == (0, [])
    code, said = kith_alerts(lake.folder)
    assert (code, said.splitlines()[0]) == (
        0,
        "KithGenerationOld: not judged: nothing was published, or no --store is named",
    )


def test_a_writer_that_holds_the_lake_for_long_fires_and_one_that_ended_does_not(lake: Lake) -> None:
    with WriterLock(lake, "kith forget"):
        taken = time.time()
        assert fired(lake, taken + 12 * HOUR_S - 5) == []
        assert fired(lake, taken + 12 * HOUR_S + 5) == [LOCK_HELD]
        code, said = kith_alerts(lake.folder, "--at", taken + 13 * HOUR_S, "--json")
        assert code == FIRED
        assert [each["alert"] for each in json.loads(said)["fired"]] == ["KithWaitingLong"]
    assert fired(lake, taken + 13 * HOUR_S) == []


def test_renewing_a_lease_does_not_make_a_lock_young(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray_tasks.lock.RENEW_S", 0.05)
    with WriterLock(lake, "kith build"):
        taken = current_holder(lake)[1]
        wait_until(lambda: current_holder(lake)[1] != taken, 30)
        again = current_holder(lake)[1]
        assert taken is not None
        assert again is not None
        assert again.lease_until > taken.lease_until
        assert again.taken == taken.taken


def test_a_question_that_nobody_answers_fires_until_it_is_answered(lake: Lake) -> None:
    assert note_question(lake.folder, "dag run/1", "g1")
    asked = time.time()
    assert note_question(lake.folder, "dag run/1", "g1")  # the task was started again
    assert fired(lake, asked + 12 * HOUR_S - 5) == []
    assert fired(lake, asked + 12 * HOUR_S + 5) == [APPROVAL_WAITING]
    forget_question(lake.folder, "dag run/1")
    assert fired(lake, asked + 13 * HOUR_S) == []
    assert not note_question(lake.folder / "elsewhere", "run", "g1")
    assert not (lake.folder / "elsewhere").exists()


def test_a_job_that_commits_nothing_for_half_an_hour_fires(lake: Lake) -> None:
    with WriterLock(lake, "kith build") as held:
        assert fired(lake, time.time() + HOUR_S) == []  # whoever publishes commits no bucket
        with RunProgress(held, "build p") as progress:
            begun = time.time()
            assert fired(lake, begun + HOUR_S / 2 - 5) == []
            assert fired(lake, begun + HOUR_S / 2 + 5) == [SINCE_COMMIT]
            with progress.stage("select", 2, "buckets") as bar:
                time.sleep(1.1)  # notes are written once a second
                bar.advance(1)
                assert measure(lake, None, DAYS, time.time())[SINCE_COMMIT] < 1
                bar.under_way(1)
            assert fired(lake, begun + HOUR_S / 2 + 0.5) == []
            assert fired(lake, begun + HOUR_S / 2 + 5) == [SINCE_COMMIT]
        assert fired(lake, begun + HOUR_S) == []
    assert fired(lake, begun + HOUR_S) == []


def test_a_run_that_was_killed_is_no_job_that_runs(lake: Lake) -> None:
    with WriterLock(lake, "kith build") as held:
        RunProgress(held, "build p").__enter__()  # and never ends
    assert fired(lake, time.time() + 11 * HOUR_S) == []
    with WriterLock(lake, "kith publish"):
        assert fired(lake, time.time() + 11 * HOUR_S) == []


def test_photos_that_fail_fire_above_two_in_a_hundred_of_an_hour(lake: Lake) -> None:
    def commit(mark: str, **reasons: int) -> None:
        with lake.attempt("embed-x-0", 0, mark) as attempt:
            attempt.commit({"photos": sum(reasons.values()), "faces": 0, "reasons": reasons})

    commit("a", ok=40, missing=9)  # too few to say anything
    assert fired(lake, time.time()) == []
    commit("b", ok=300, no_face=101)
    assert fired(lake, time.time()) == []  # 9 of 450 are two in a hundred
    commit("c", truncated=1)
    assert fired(lake, time.time()) == [FAILED_SHARE]
    assert measure(lake, None, DAYS, time.time())[FAILED_SHARE] == pytest.approx(10 / 451)
    assert fired(lake, time.time() + HOUR_S + 1) == []


def test_a_bucket_that_failed_three_times_fires_with_its_reason(lake: Lake) -> None:
    for number in range(1, TRIES + 1):
        assert fired(lake, time.time()) == []
        assert note_failure(lake, "embed-x-0", 1, "f", ValueError("a face has no nose")) == number
    note_failure(lake, "embed-x-0", 0, "f", ValueError("once"))
    assert fired(lake, time.time()) == [SET_ASIDE]
    code, said = kith_alerts(lake.folder)
    assert code == FIRED
    assert "  embed-x-0, bucket 1: a face has no nose\n" in said
    assert "bucket 0" not in said


def test_the_forgotten_fire_when_their_days_are_over_until_they_are_erased(lake: Lake) -> None:
    add_to_ledger(lake.folder, [5, 6])
    hidden = time.time()
    assert fired(lake, hidden + DAYS * DAY_S - 5) == []
    assert fired(lake, hidden + DAYS * DAY_S + 5) == [FORGOTTEN_LATE]
    assert kith_alerts(lake.folder, "--at", hidden + 3 * DAY_S, "--set", "forgetting.days=2")[0] == FIRED
    lake.add_once("erasures/00000001.json", {"users": [5]})
    assert measure(lake, None, DAYS, hidden + 8 * DAY_S)[FORGOTTEN_LATE] == 1
    lake.add_once("erasures/00000002.json", {"users": [6]})
    assert fired(lake, hidden + 8 * DAY_S) == []


def test_the_page_says_more_of_every_alert() -> None:
    sections = RUNBOOK.read_text().split("\n## ")[1:]
    told = {section.splitlines()[0]: section for section in sections}
    for alert in ALERTS:
        assert alert.name in told, alert.name
        assert alert.runbook in " ".join(told[alert.name].split())


def test_rules_cover_every_metric_of_the_state() -> None:
    assert set(METRICS) == set(STATE)
