"""The operator against a real Ray cluster behind a token: one job at a time, found again, stopped when it must be."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dags.conftest import HERE, PATIENCE_S, Airflow, RayHead, wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

ABANDON_S = 5.0  # seconds until the job of `one_watched_job` misses its task
STOP_S = 15  # seconds that a job may go on after its task was ended
HASTY_S = 25  # execution timeout of `one_hasty_job`
HOSTILE = "a $(touch pwned) `id` b; \"x' --lake=/ $HOME"


@dataclass
class Run:
    """One run of a DAG of one job; the same run again as often as it is started."""

    airflow: Airflow
    head: RayHead
    folder: Path
    conf: dict[str, Any] = field(default_factory=dict)
    dag: str = "one_job"

    def command(self) -> list[str]:
        conf = json.dumps({"folder": str(self.folder)} | self.conf)
        day = f"2026-01-01T00:00:00.{abs(hash(self.folder)) % 1_000_000:06d}+00:00"  # a run of its own
        file = str(HERE / "dag_files" / "one_job.py")
        return [sys.executable, str(HERE / "run_dag.py"), file, self.dag, conf, day]

    def finish(self) -> tuple[dict[str, Any], str]:
        done = self.airflow.run(*self.command())
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr

    @contextlib.contextmanager
    def begin(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start and wait until the job runs; the process does not outlive the block."""
        process = self.airflow.start(*self.command(), log=self.log)
        try:
            wait_until(lambda: self.begun() > 0 or process.poll() is not None)
            assert process.poll() is None, self.log.read_text()
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def log(self) -> Path:
        return self.folder / "task.log"

    def begun(self) -> int:
        """How often the job was begun."""
        runs = self.folder / "runs"
        return len(runs.read_text().split()) if runs.exists() else 0

    def states(self) -> list[str]:
        """States of the jobs that this test's run submitted, by attempt."""
        jobs = {name: state for name, state in self.head.jobs().items() if name.startswith(f"{self.dag}.")}
        mine = {name: state for name, state in jobs.items() if name not in self.earlier}
        return [mine[name] for name in sorted(mine, key=lambda name: name)]

    def stop(self) -> None:
        """Stop the job that runs, over Ray's own API."""
        (name,) = (name for name, state in self.head.jobs().items() if name not in self.earlier and state == "RUNNING")
        url = f"http://127.0.0.1:{self.head.port}/api/jobs/{name}/stop"
        assert requests.post(url, headers=self.head.headers(), timeout=30).ok

    def __post_init__(self) -> None:
        self.earlier = set(self.head.jobs())


@pytest.fixture
def run(airflow_with_ray: Airflow, ray_head: RayHead, tmp_path: Path) -> Run:
    return Run(airflow_with_ray, ray_head, tmp_path)


def test_a_job_runs_with_its_log_and_a_cleared_one_runs_again(run: Run) -> None:
    run.conf = {"word": HOSTILE}
    outcome, log = run.finish()
    assert outcome["run"] == "success", log[-3000:]
    assert outcome["values"]["job"] == {"runs": 1, "argv": [str(run.folder), "0", "0", HOSTILE]}
    assert "the job begins" in log
    assert run.head.token not in log
    assert not list(run.head.folder.glob("pwned"))
    outcome, _ = run.finish()
    assert outcome["values"]["job"]["runs"] == 2
    assert run.states() == ["SUCCEEDED", "SUCCEEDED"]


def test_a_failed_job_is_tried_again_but_not_where_a_person_must_mend_something(run: Run) -> None:
    run.dag = "failing_jobs"
    outcome, log = run.finish()
    assert outcome["tasks"] == {
        "job-again": {"state": "failed", "try": 2},
        "job-mend": {"state": "failed", "try": 1},
    }
    assert "-1 failed (exit code 1): kith: users.parquet: is no such thing; give another\n" in log
    assert "failed (exit code 2): kith: users.parquet: is no such thing; give another\n" in log
    assert run.states() == ["FAILED", "FAILED", "FAILED"]


def test_a_job_whose_task_was_killed_is_found_again_and_not_run_twice(run: Run) -> None:
    run.conf = {"seconds": 300}
    with run.begin():
        pass
    assert run.states() == ["RUNNING"]
    again = run.airflow.start(*run.command(), log=run.log)
    wait_until(lambda: "following it" in run.log.read_text() or again.poll() is not None)
    (run.folder / "enough").touch()
    assert again.wait(PATIENCE_S) == 0
    said = run.log.read_text()
    outcome = json.loads(said.splitlines()[-1])
    assert outcome["values"]["job"]["runs"] == 1, said
    assert run.states() == ["SUCCEEDED"]
    assert "the job begins" in said


def test_a_job_that_fails_once_is_tried_again_and_succeeds(run: Run) -> None:
    run.dag = "recovering_job"
    outcome, log = run.finish()
    assert outcome["tasks"] == {"job": {"state": "success", "try": 2}}, log[-3000:]
    assert outcome["values"]["job"]["runs"] == 2
    assert run.states() == ["FAILED", "SUCCEEDED"]


def test_a_job_that_is_stopped_with_its_first_try_goes_on_under_the_next(run: Run) -> None:
    run.conf = {"seconds": 300}
    with run.begin():
        pass
    again = run.airflow.start(*run.command(), log=run.log)
    try:
        wait_until(lambda: "following it" in run.log.read_text() or again.poll() is not None)
        run.stop()  # as the first try does when Airflow, which has given it up, ends it late
        (run.folder / "enough").touch()
        assert again.wait(PATIENCE_S) == 0
    finally:
        again.kill()
    assert run.states() == ["STOPPED", "SUCCEEDED"], run.log.read_text()[-3000:]


def test_a_task_that_is_ended_stops_its_job(run: Run) -> None:
    run.conf = {"seconds": 300}
    with run.begin() as process:
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: run.states()[0] == "STOPPED", STOP_S)


def test_a_task_that_takes_too_long_stops_its_job(run: Run) -> None:
    run.conf, run.dag = {"seconds": 300}, "one_hasty_job"
    process = run.airflow.start(*run.command(), log=run.log)
    try:
        wait_until(lambda: run.states()[:1] == ["STOPPED"] or process.poll() is not None)
        assert run.states()[:1] == ["STOPPED"], run.log.read_text()
        assert HASTY_S > STOP_S
    finally:
        process.kill()
        process.wait()


def test_a_job_that_no_task_follows_any_more_ends_by_itself(run: Run) -> None:
    run.conf, run.dag = {"seconds": 300}, "one_watched_job"
    with run.begin():
        wait_until(lambda: len(list(run.folder.glob("one_watched_job.*"))) == 1)
        time.sleep(2 * ABANDON_S)
        assert run.states() == ["RUNNING"]
    wait_until(lambda: run.states() == ["FAILED"], ABANDON_S + 2 * STOP_S)


def test_a_connection_that_is_wrong_is_one_line(run: Run) -> None:
    right = json.loads(run.airflow.environment["AIRFLOW_CONN_RAY_DEFAULT"])
    wrong = {"AIRFLOW_CONN_RAY_WRONG_TOKEN": {"password": "wrong"}, "AIRFLOW_CONN_RAY_WRONG_PORT": {"port": 1}}
    given = {name: json.dumps(right | change) for name, change in wrong.items()}
    run.airflow, run.dag = Airflow(run.airflow.environment | given), "wrong_connections"
    outcome, log = run.finish()
    assert outcome["run"] == "failed"
    at = f"Ray at http://127.0.0.1:{right['port']}"
    assert f"connection 'ray_wrong_token': {at} refuses the token; the connection's password must be its token\n" in log
    assert "connection 'ray_wrong_port': Ray at http://127.0.0.1:1 does not answer (ConnectionError); is the" in log
    assert run.states() == []
