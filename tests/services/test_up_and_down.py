"""`kith up` says where its pages are and they answer; `kith down` ends what was started from its home and no other."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from ray_tasks.services import family
from ray_tasks.services.health import missing
from tests.services.conftest import DOWN_S, Stack, kith, services_up, wait_until
from tests.services.listening import listeners

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

URL = re.compile(r"http://\S+")


@pytest.fixture(scope="module")
def second(stack: Stack, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Other services beside those of `stack`."""
    with services_up(tmp_path_factory.mktemp("second") / "home", "--population", drawn, "--cpus=1") as made:
        yield made


def test_three_pages_are_named_and_answer(stack: Stack) -> None:
    urls = URL.findall(stack.said)
    assert urls == list(stack.plan.urls.values())
    assert len(urls) == 3
    for url in urls:
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(url, timeout=30).status_code == 200, url


def test_the_password_is_said_once_and_files_are_their_owners(stack: Stack) -> None:
    secrets = stack.home.secrets()
    assert secrets["password"] in stack.said
    assert stack.home.tell_once() is None
    for word in secrets.values():
        assert word == secrets["password"] or word not in stack.said
    for name in ("secrets.json", "plan.json", "airflow/passwords.json"):
        assert stat.S_IMODE((stack.home.folder / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(stack.home.folder.stat().st_mode) == 0o700


def test_no_secret_stands_on_a_command_line_or_in_a_log(stack: Stack) -> None:
    lines = [" ".join(process.cmdline()) for process in family.family(stack.home)]
    logs = [file.read_text(errors="replace") for file in stack.home.logs.iterdir()]
    assert len(lines) > 5
    for name, secret in stack.home.secrets().items():
        assert not any(secret in text for text in (*lines, *logs)), name


def test_the_form_proposes_population_lake_and_store(stack: Stack) -> None:
    params = stack.get("dags/rebuild_profiles/details")["params"]
    proposed = {name: params[name]["value"] for name in ("population", "lake", "store", "settings")}
    assert proposed == {
        "population": stack.plan.population,
        "lake": stack.plan.lake,
        "store": stack.plan.store,
        "settings": None,
    }
    assert stack.get("dags/train_scorer/details")["params"]["lake"]["value"] == stack.plan.lake


def test_what_a_killed_supervisor_leaves_is_ended_and_others_stay(stack: Stack, second: Stack) -> None:
    assert missing(stack.home, stack.plan) == [] == missing(second.home, second.plan)
    ours, theirs = listeners(second), {process.pid for process in family.family(stack.home)}
    watching = family.supervisor(second.home)
    assert watching is not None
    processes = family.family(second.home)
    watching.kill()
    wait_until(lambda: family.supervisor(second.home) is None)
    assert len(family.family(second.home)) > 5
    done = kith("down", "--home", second.home.folder, timeout_s=DOWN_S)
    assert done.returncode == 0, done.stderr
    assert "processes ended" in done.stdout
    assert family.wait(processes, 0) == []
    held = {each.laddr.port for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN and each.pid}
    assert {each.port for each in ours} & held <= {each.port for each in listeners(stack)}
    assert not Path(second.plan.ray_folder).exists()
    again = kith("down", "--home", second.home.folder, timeout_s=DOWN_S)
    assert (again.returncode, again.stdout.split("\n")[0][:12]) == (0, "nothing runs")
    assert missing(stack.home, stack.plan) == []
    assert theirs <= {process.pid for process in family.family(stack.home)} | {
        pid for pid in theirs if not psutil.pid_exists(pid)
    }


def test_a_home_in_use_is_refused_in_one_line(stack: Stack) -> None:
    done = kith("up", "--home", stack.home.folder, timeout_s=DOWN_S)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "services run from here already" in done.stderr
    assert "kith down" in done.stderr
    assert missing(stack.home, stack.plan) == []
