"""`kith up` over real processes: what it starts is healthy and knows who may ask."""

from __future__ import annotations

import pytest
import requests

from ray_tasks.services import family
from ray_tasks.services.health import PARTS, missing
from tests.services.conftest import Stack

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def test_all_services_answer_those_who_are_logged_in(stack: Stack) -> None:
    assert missing(stack.home, stack.plan) == []
    health = stack.get("monitor/health")
    assert {name: health[name]["status"] for name in PARTS} == dict.fromkeys(PARTS, "healthy")
    assert not stack.get("dags/rebuild_profiles")["is_paused"]
    assert stack.jobs() == {}
    with requests.Session() as nobody:
        nobody.trust_env = False
        assert nobody.get(f"{stack.plan.urls['Airflow']}/api/v2/dags", timeout=30).status_code == 401
        assert nobody.get(f"{stack.plan.urls['Ray']}/api/jobs/", timeout=30).status_code == 401


def test_every_process_is_known_by_its_mark_whatever_it_calls_itself(stack: Stack) -> None:
    watching = family.supervisor(stack.home)
    assert watching is not None
    started = [process for process in watching.children(recursive=True) if process.is_running()]
    known = {process.pid for process in family.family(stack.home)}
    assert len(started) > len(PARTS)
    assert [
        " ".join(process.cmdline()) for process in started if process.is_running() and process.pid not in known
    ] == []
