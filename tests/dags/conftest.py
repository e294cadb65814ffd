"""A real Ray head behind a token and a real Airflow database, each started once for all tests of this folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import requests

from tests.ports import free_ports

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
TRIES = 4  # of starting Ray's head node
STARTED = "--block"  # said when all of the head node's processes are up; its API answers before that
STOP_S = 30
PATIENCE_S = 240  # seconds for a job to begin or a task to end on a busy machine
OBJECT_STORE_BYTES = 100_000_000
RAY_PORTS = (
    "port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "metrics-export-port",
    "runtime-env-agent-port",
    "ray-client-server-port",
    "node-manager-port",
    "object-manager-port",
)


def wait_until(what: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Wait for something; it must come."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"it did not come in {seconds} s"
        time.sleep(0.2)


@dataclass
class RayHead:
    """A head node on this machine with ports and a folder of its own."""

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    ports: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.ports["dashboard-port"]

    def start(self) -> None:
        """Start, again with other ports where a busy machine was too slow for Ray, which waits 30 s for itself."""
        for _ in range(TRIES):
            self.ports = dict(zip(RAY_PORTS, free_ports(len(RAY_PORTS)), strict=True))
            self.process = self._launch()
            if self._comes_up():
                return
            self.stop()
        pytest.skip(f"Ray's head node does not start here: {self._said()[-2000:]}")

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [BIN / "ray", "start", "--head", "--block", "--node-ip-address=127.0.0.1", "--num-cpus=2"]
        command += ["--dashboard-host=127.0.0.1", f"--temp-dir={self.folder}", "--disable-usage-stats"]
        command += [f"--object-store-memory={OBJECT_STORE_BYTES}"]
        command += [f"--{name}={port}" for name, port in self.ports.items()]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KITH_CASSANDRA")}
        environment = kept | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        with open(self.folder / "start.log", "wb") as log:
            return subprocess.Popen(
                command, env=environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )

    def _comes_up(self) -> bool:
        assert self.process is not None
        while self.process.poll() is None:
            if STARTED in self._said():
                self.jobs()
                return True
            time.sleep(0.5)
        return False

    def _said(self) -> str:
        return (self.folder / "start.log").read_text()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def stop(self) -> None:
        """End this head node's processes and no others: `ray stop` would end every Ray of the machine."""
        assert self.process is not None
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        _, alive = psutil.wait_procs(family, timeout=5)
        for process in alive:
            process.kill()

    def jobs(self) -> dict[str, str]:
        """State of every job by submission id."""
        answer = requests.get(f"http://127.0.0.1:{self.port}/api/jobs/", headers=self.headers(), timeout=30)
        return {job["submission_id"]: job["status"] for job in answer.json() if job["submission_id"]}


@pytest.fixture(scope="session")
def ray_head() -> Iterator[RayHead]:
    folder = Path(tempfile.mkdtemp(prefix="kr-"))  # short: Ray's sockets have 107 characters for their paths
    head = RayHead(folder)
    head.start()
    yield head
    head.stop()
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Airflow:
    """An Airflow with a database of its own: `environment` must be set before a process imports Airflow."""

    environment: dict[str, str]

    def run(self, *command: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, cwd=ROOT, check=False
        )

    def start(self, *command: str | Path, log: Path) -> subprocess.Popen[bytes]:
        with open(log, "wb") as output:
            return subprocess.Popen(command, env=self.environment, stdout=output, stderr=output, cwd=ROOT)


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    home = tmp_path_factory.mktemp("airflow")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "RAY_"))}
    made = Airflow(
        kept
        | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dag_files"),
            "PYTHONPATH": str(ROOT),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "OMP_NUM_THREADS": "1",
        }
    )
    migrated = made.run(BIN / "airflow", "db", "migrate")
    if migrated.returncode:
        pytest.skip(f"Airflow does not start here: {migrated.stderr.strip().splitlines()[-1:]}")
    return made


@pytest.fixture(scope="session")
def airflow_with_ray(airflow: Airflow, ray_head: RayHead) -> Airflow:
    connection = {"conn_type": "ray", "host": "127.0.0.1", "port": ray_head.port, "password": ray_head.token}
    return Airflow(airflow.environment | {"AIRFLOW_CONN_RAY_DEFAULT": json.dumps(connection)})
