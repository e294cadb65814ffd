"""Airflow and Ray as `kith up` starts them, once for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from ray_tasks.services import family
from ray_tasks.services.health import AirflowApi
from ray_tasks.services.home import Home, Plan
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
UP_S = 480  # seconds for `kith up` on a machine that others keep busy: a head that was too slow for Ray starts again
DOWN_S = 120
ANSWER_S = 60.0  # seconds for an answer of Airflow's
PATIENCE_S = 240  # seconds for one task to get somewhere
OUTER = ("airflow-port", "ray-port", "metrics-port")


@dataclass(frozen=True)
class Stack:
    """Services that run: where they answer, what may be asked of them, and their processes."""

    home: Home
    plan: Plan
    api: AirflowApi
    said: str

    def get(self, path: str) -> dict[str, Any]:
        """A document of Airflow's REST API."""
        return self._ask("GET", path)

    def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """The answer to a document that was sent to Airflow's REST API."""
        return self._ask("POST", path, json=document)

    def patch(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """The answer to a change over Airflow's REST API."""
        return self._ask("PATCH", path, json=document)

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.api.call(method, path, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
        return dict(answer.json())

    def jobs(self) -> dict[str, str]:
        """State of every Ray job by submission id."""
        headers = {"Authorization": f"Bearer {self.home.secrets()['ray_token']}"}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.plan.urls['Ray']}/api/jobs/", headers=headers, timeout=30)
        answer.raise_for_status()
        return {job["submission_id"]: job["status"] for job in answer.json() if job["submission_id"]}

    def processes(self, part: str, service: str | None = None) -> list[psutil.Process]:
        """Living processes of these services, or of one, whose command line holds `part`."""
        found = []
        for process in family.family(self.home, service):
            try:
                if part in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def log(self, service: str) -> str:
        """What a service has said so far."""
        return (self.home.logs / f"{service}.log").read_text(encoding="utf-8", errors="replace")


def wait_until(what: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait for something; it must come."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"it did not come in {seconds:.0f} s"
        time.sleep(0.2)


def clean_environment() -> dict[str, str]:
    """This process's environment without another Airflow's, Ray's or Kith's."""
    known = os.environ.items()
    kept = {name: value for name, value in known if not name.startswith(("AIRFLOW", "RAY_", "KITH_"))}
    return kept | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def kith(*arguments: str | Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """A command of `kith`, run to its end."""
    command = [sys.executable, "-m", "ray_tasks", *map(str, arguments)]
    return subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, timeout=timeout_s, check=False
    )


@contextmanager
def services_up(folder: Path, *more: str | Path) -> Iterator[Stack]:
    """What `kith up` starts, on free ports; `kith down` ends it with the block."""
    told = [f"--{name}={port}" for name, port in zip(OUTER, free_ports(len(OUTER)), strict=True)]
    try:
        done = kith("up", "--home", folder, *told, *more, f"--patience={UP_S}", timeout_s=2 * UP_S)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        home = Home(folder)
        plan = home.plan()
        assert plan is not None
        yield Stack(home, plan, AirflowApi(home, plan, ANSWER_S), done.stdout)
    finally:
        ended = kith("down", "--home", folder, timeout_s=DOWN_S)
        assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="session")
def stack(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Services for all tests; they end with the last one."""
    with services_up(tmp_path_factory.mktemp("services") / "home", "--population", drawn, "--cpus=2") as made:
        yield made
