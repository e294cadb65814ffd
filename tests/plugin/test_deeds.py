"""Publish and roll back from the pages: by whom, only from our own forms, recorded, and obeyed by the store."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from tests.conftest import Built
from tests.dags.conftest import ROOT, Airflow, RayHead, ray_head
from tests.plugin.conftest import DOUBTFUL, Site, Visitor, active, text_of

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

__all__ = ["ray_head"]


def runs(site: Site) -> list[dict[str, Any]]:
    """Runs of the DAG that publishes, newest first, as Airflow's API tells them."""
    url = f"{site.base}/api/v2/dags/publish_profiles/dagRuns?order_by=-run_after"
    found: list[dict[str, Any]] = site.visit("ada").session.get(url, timeout=60).json()["dag_runs"]
    return found


def audit_log(site: Site, event: str) -> list[dict[str, Any]]:
    url = f"{site.base}/api/v2/eventLogs?event={event}"
    found: list[dict[str, Any]] = site.visit("ada").session.get(url, timeout=60).json()["event_logs"]
    return found


def carry_out(airflow: Airflow, head: RayHead, conf: dict[str, Any], day: int) -> None:
    """Do what a queued run says, by the DAG itself on a real Ray."""
    connection = {"conn_type": "ray", "host": "127.0.0.1", "port": head.port, "password": head.token}
    with_ray = Airflow(airflow.environment | {"AIRFLOW_CONN_RAY_DEFAULT": json.dumps(connection)})
    file, script = str(ROOT / "dags" / "publish_profiles.py"), str(ROOT / "tests" / "dags" / "run_dag.py")
    when = f"2026-06-{day:02d}T00:00:00Z"
    done = with_ray.run(sys.executable, script, file, "publish_profiles", json.dumps(conf), when, timeout=400)
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["run"] == "success", (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("path", ["/generations/{}/publish", "/rollback"])
def test_who_may_only_look_is_refused(site: Site, root: str, built: Built, path: str) -> None:
    where = root + path.format(built.generation)
    viewer = site.visit("vera")
    assert viewer.get(where).status_code == 403
    stolen = site.visit("ada").fill(where)
    assert viewer.post(where, stolen).status_code == 403
    assert runs(site) == []
    assert "Publish</a>" not in viewer.get(f"{root}/generations").text
    assert "Publish</a>" in site.visit("uli").get(f"{root}/generations").text


def test_forms_of_others_are_refused(site: Site, root: str, built: Built) -> None:
    where = f"{root}/generations/{built.generation}/publish"
    ada = site.visit("ada")
    form = ada.fill(where)
    for site_of_form in ("cross-site", "same-site", "none"):
        assert ada.post(where, form, site_of_form).status_code == 403
    for changed in ({"token": "x.y.z"}, {"token": form["token"][:-2]}, {"against": DOUBTFUL}):
        assert ada.post(where, form | changed).status_code == 403
    assert site.visit("olga").post(where, form).status_code == 403  # another user's token
    assert ada.post(f"{root}/generations/{DOUBTFUL}/publish", form).status_code == 403  # another generation's
    assert ada.post(f"{root}/rollback", form).status_code == 403
    assert ada.post(where, {"against": "none"}).status_code == 422
    assert runs(site) == []


def test_an_old_confirmation_is_refused(site: Site, root: str, built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    where = f"{root}/generations/{built.generation}/publish"
    ada = site.visit("ada")
    form = ada.fill(where)
    signer = URLSafeTimedSerializer(site.airflow.environment["AIRFLOW__API__SECRET_KEY"], salt="kith-pages")
    deed = signer.loads(form["token"])
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 1900)
    old = signer.dumps(deed)
    monkeypatch.undo()
    answer = ada.post(where, form | {"token": old})
    assert answer.status_code == 403
    assert "older than half an hour" in text_of(answer.text)


def test_publish_approve_and_roll_back(
    site: Site, root: str, built: Built, lake_folder: Path, store_uri: str, ray_head: RayHead
) -> None:
    ada: Visitor = site.visit("ada")
    listed = f"{root}/generations"

    where = f"{root}/generations/{built.generation}/publish"
    assert "nothing was published yet" in text_of(ada.get(where).text)
    answer = ada.post(where, ada.fill(where))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/kith{listed}"
    (run,) = runs(site)
    asked = {"lake": str(lake_folder), "store": store_uri, "generation": built.generation}
    assert run["conf"] == asked | {"against": "none", "approve": False}
    assert run["triggering_user_name"] == "ada"
    page = ada.get(listed).text
    assert f"Publication of {built.generation}: queued" in text_of(page)
    assert 'http-equiv="refresh"' in page
    carry_out(site.airflow, ray_head, run["conf"], 1)
    assert active(store_uri) == built.generation

    where = f"{root}/generations/{DOUBTFUL}/publish"
    form = ada.fill(where)
    assert form["against"] == built.generation
    refused = ada.post(where, form)
    assert refused.status_code == 409
    assert "failed its gates" in text_of(refused.text)
    assert ada.post(where, form | {"approve": "true"}).status_code == 303
    conf = runs(site)[0]["conf"]
    assert conf == asked | {"generation": DOUBTFUL, "against": built.generation, "approve": True}
    carry_out(site.airflow, ray_head, conf, 2)
    assert active(store_uri) == DOUBTFUL

    back = f"{root}/rollback"
    assert f"Readers would get {built.generation}" in text_of(ada.get(back).text)
    form = ada.fill(back)
    assert ada.post(back, form).status_code == 303
    assert active(store_uri) == built.generation
    again = ada.post(back, form)  # the same form twice, from another tab for example
    assert again.status_code == 409
    assert active(store_uri) == built.generation

    who = [(line["owner"], json.loads(line["extra"])) for line in audit_log(site, "kith_publish")]
    assert sorted(told["generation"] for _, told in who) == sorted([built.generation, DOUBTFUL])
    assert {name for name, _ in who} == {"ada"}
    assert {line["owner"] for line in audit_log(site, "kith_roll_back")} == {"ada"}
