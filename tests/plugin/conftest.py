"""A real api-server with Kith's pages, users of three roles, a built lake, and a profile store to publish to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import unescape
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import requests

from profiling.store import open_store
from ray_tasks.generations import file_generation, find_generation
from ray_tasks.lake import Lake
from tests.conftest import Built
from tests.dags.conftest import BIN, ROOT, Airflow, wait_until
from tests.ports import free_ports

HERE = Path(__file__).parent
ROLES = {"vera": "viewer", "uli": "user", "olga": "op", "ada": "admin"}
HOSTILE = "<script>alert(1)</script>\"'{{ 7 * 7 }}"
DOUBTFUL = "g" + "d" * 12  # id of the second generation
PATIENCE_S = 120  # seconds for the api-server to answer on a busy machine


@dataclass
class Visitor:
    """Somebody with a browser: logged in by Airflow's own login, or not at all."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(f"{self.base}/kith{path}", timeout=60, **options)

    def post(self, path: str, form: dict[str, str], site: str = "same-origin") -> requests.Response:
        """Send a form as a browser does from a page of `site`."""
        headers = {"Sec-Fetch-Site": site} if site else {}
        url = f"{self.base}/kith{path}"
        return self.session.post(url, data=form, headers=headers, timeout=60, allow_redirects=False)

    def fill(self, path: str) -> dict[str, str]:
        """The hidden fields of a page's form."""
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.get(path).text))


@dataclass
class Site:
    """An api-server of its own."""

    base: str
    airflow: Airflow
    passwords: dict[str, str]

    def visit(self, user: str | None = None) -> Visitor:
        """Log in as one of `ROLES`; None = nobody."""
        visitor = Visitor(self.base)
        if user is not None:
            body = {"username": user, "password": self.passwords[user]}
            answer = requests.post(f"{self.base}/auth/token", json=body, timeout=60)
            assert answer.status_code == 201, answer.text
            visitor.session.cookies.set("_token", answer.json()["access_token"])
        return visitor

    def make_run(self, day: int, **conf: Any) -> str:
        """A finished run of `rebuild_profiles` that says what it made; returns its id."""
        file = HERE / "dag_files" / "told_rebuild.py"
        when = f"2026-05-{day:02d}T00:00:00Z"
        script = ROOT / "tests" / "dags" / "run_dag.py"
        done = self.airflow.run(sys.executable, str(script), str(file), "rebuild_profiles", json.dumps(conf), when)
        assert done.returncode == 0, done.stderr[-2000:]
        return f"manual__2026-05-{day:02d}T00:00:00+00:00"


def text_of(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def active(uri: str) -> str | None:
    """Id of a store's active generation."""
    with contextlib.closing(open_store(uri)) as store:
        found = store.active()
    return None if found is None else found.id


@pytest.fixture(scope="session")
def store_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"arrow://{tmp_path_factory.mktemp('stored')}/profiles"


@pytest.fixture(scope="session")
def lake_folder(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built lake with a second generation: of the same tables, with a hostile name and a failed gate."""
    folder = tmp_path_factory.mktemp("shown") / "lake"
    shutil.copytree(built.lake, folder)
    lake = Lake.open(folder)
    good = find_generation(lake, built.generation)
    gates = [{**good.audit["gates"][0], "passed": False, "name": HOSTILE, "advice": HOSTILE}, *good.audit["gates"][1:]]
    audit = {**good.audit, "gates": gates, "passed": False}
    file_generation(lake, replace(good, id=DOUBTFUL, name=HOSTILE, created=good.created + 60, audit=audit))
    return folder


def make_environment(home: Path, port: int, **more: str) -> dict[str, str]:
    """Of an Airflow with a database, users and passwords of its own, whose api-server will listen on `port`."""
    passwords = {user: secrets.token_hex(8) for user in ROLES}
    (home / "passwords.json").write_text(json.dumps(passwords))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "RAY_", "KITH_"))}
    installed = any(each.name == "kith" for each in entry_points(group="airflow.plugins"))
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "none" if installed else HERE / "plugins_folder"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in ROLES.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **more,
    }


@contextlib.contextmanager
def running(airflow: Airflow, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of Airflow's processes; it stops with the block."""
    process = airflow.start(BIN / "airflow", *command, log=Path(airflow.environment["AIRFLOW_HOME"]) / f"{name}.log")
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@contextlib.contextmanager
def serving(environment: dict[str, str]) -> Iterator[Site]:
    """An api-server that answers."""
    airflow, home = Airflow(environment), Path(environment["AIRFLOW_HOME"])
    for command in (["db", "migrate"], ["dags", "reserialize"]):
        done = airflow.run(BIN / "airflow", *command)
        if done.returncode:
            pytest.skip(f"Airflow does not start here: {done.stderr.strip().splitlines()[-1:]}")
    port = environment["AIRFLOW__API__PORT"]
    base = f"http://127.0.0.1:{port}"
    with running(airflow, "api-server", "api-server", "--host=127.0.0.1", f"--port={port}", "--workers=1") as process:
        wait_until(lambda: _answers(base) or process.poll() is not None, PATIENCE_S)
        assert process.poll() is None, (home / "api-server.log").read_text()[-3000:]
        yield Site(base, airflow, json.loads((home / "passwords.json").read_text()))


@pytest.fixture(scope="session")
def site(lake_folder: Path, store_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An api-server that shows the lake of `lake_folder`; it stops with the last test."""
    home, (port,) = tmp_path_factory.mktemp("site"), free_ports(1)
    with serving(make_environment(home, port, KITH_LAKE=str(lake_folder), KITH_STORE=store_uri)) as made:
        yield made


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/api/v2/monitor/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="session")
def root(site: Site, built: Built) -> str:
    """Where the built generation's lake stands among the pages, as the list of generations says."""
    page = site.visit("vera").get("/profiles")
    assert page.status_code == 200, page.text
    found = re.search(rf'href="/kith(/lakes/[0-9a-f]+)/generations/{built.generation}"', page.text)
    assert found is not None
    return found[1]
