"""A Cassandra that an Airflow connection names: the password reaches the job and is nowhere to be read on its way."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests

from profiling.settings import StoreSettings
from profiling.store import create_store
from ray_tasks.forgetting import hide_users
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from tests.cassandra_server import CassandraServer
from tests.conftest import Built
from tests.dags.conftest import Airflow, RayHead
from tests.dags.test_forget_users import resolved
from tests.dags.test_rebuild import run, states

pytestmark = [pytest.mark.airflow, pytest.mark.cassandra, pytest.mark.slow]

NAMED = {"store": "connection://kith_cassandra"}


def connected(airflow: Airflow, server: CassandraServer, **changes: Any) -> Airflow:
    """An Airflow with the connection."""
    about = {"conn_type": "generic", "host": "127.0.0.1", "port": server.port, "login": "cassandra"}
    about |= {"password": server.password, "schema": "by_connection"} | changes
    return Airflow(airflow.environment | {"AIRFLOW_CONN_KITH_CASSANDRA": json.dumps(about)})


def test_the_password_reaches_the_job_and_nobody_else(
    airflow_with_ray: Airflow, ray_head: RayHead, cassandra: CassandraServer, built: Built, tmp_path: Path
) -> None:
    lake = Lake.open(shutil.copytree(built.lake, tmp_path / "lake"))
    user = resolved(lake)
    uri = cassandra.uri("by_connection")
    with contextlib.closing(create_store(uri, "datacenter1:1")) as store, RaySession(cpus=2) as session:
        publish(Order(lake, find_generation(lake), uri, approved=True), session, StoreSettings())
        hide_users([user], lake, store)
    told = {"lake": str(lake.folder), "now": True} | NAMED
    done, log = run(connected(airflow_with_ray, cassandra), "forget_users", 10, **told)
    assert states(done) == {"erase": "success"}, log[-3000:]
    receipt = done["values"]["erase"]["receipt"]
    assert receipt["users"] == [user]
    assert receipt["store"]["rows"] > 0
    jobs = requests.get(f"http://127.0.0.1:{ray_head.port}/api/jobs/", headers=ray_head.headers(), timeout=30).text
    assert "KITH_SEALED_PASSWORD" in jobs
    logs = [path for path in ray_head.folder.rglob("*") if path.is_file() and "sockets" not in path.parts]
    written = [path.read_bytes().decode(errors="replace") for path in [*logs, *lake.folder.rglob("*.json")]]
    for text in (jobs, log, json.dumps(done), *written):
        assert cassandra.password not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "swordfish"}, "user or password is refused; set KITH_CASSANDRA_PASSWORD"),
        ({"schema": ""}, "connection 'kith_cassandra' names no profile store"),
    ],
)
def test_a_wrong_connection_is_one_line(
    airflow_with_ray: Airflow, cassandra: CassandraServer, built: Built, changes: dict[str, str], words: str
) -> None:
    airflow = connected(airflow_with_ray, cassandra, **changes)
    day = 11 + len(words) % 7
    done, log = run(airflow, "forget_users", day, lake=str(built.lake), now=True, **NAMED)
    assert done["tasks"]["erase"] == {"state": "failed", "try": 1}
    assert words in log
    assert "swordfish" not in log


def test_a_connection_that_is_not_there_is_one_line(airflow_with_ray: Airflow, built: Built) -> None:
    done, log = run(airflow_with_ray, "forget_users", 20, lake=str(built.lake), now=True, **NAMED)
    assert done["tasks"]["erase"] == {"state": "failed", "try": 1}
    assert "there is no connection 'kith_cassandra'; make it under Admin" in log
