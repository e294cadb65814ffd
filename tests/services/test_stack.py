"""`kith up` over real processes: what it starts is healthy and knows who may ask."""

from __future__ import annotations

import pytest
import requests

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
