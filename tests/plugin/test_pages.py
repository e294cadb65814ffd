"""The pages inside a real api-server: who sees what, what they show, and what they never show."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.ledger import add_to_ledger
from tests.conftest import Built
from tests.plugin.conftest import DOUBTFUL, HERE, HOSTILE, Site, Visitor, text_of

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(root: str, built: Built) -> str:
    return f"{root}/generations/{built.generation}"


@pytest.fixture(scope="module")
def routes(site: Site) -> dict[str, Any]:
    done = site.airflow.run(sys.executable, HERE / "describe_routes.py")
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_route_asks_who_is_there(site: Site, routes: dict[str, Any]) -> None:
    assert routes["others"] == []
    assert len(routes["routes"]) >= 12
    nobody = site.visit()
    for route in routes["routes"]:
        assert "airflow.api_fastapi.core_api.security.get_user" in route["asks"]
        path = route["path"].format(
            lake="0" * 12, generation="g" + "0" * 12, user_id=1, dag_id="rebuild_profiles", run_id="x"
        )
        for method in route["methods"]:
            answer = nobody.session.request(method, f"{site.base}/kith{path}", timeout=60)
            assert answer.status_code == 401, (method, path)
            assert "log in to Airflow" in answer.text
            forged = nobody.session.request(method, f"{site.base}/kith{path}", cookies={"_token": "x"}, timeout=60)
            assert forged.status_code in (401, 403), (method, path)


def test_nothing_of_the_application_documents_itself(site: Site) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert site.visit("ada").get(path).status_code == 404


def test_the_list_shows_the_generation(site: Site, built: Built) -> None:
    page = site.visit("vera").get("/profiles")
    said = text_of(page.text)
    generation = find_generation(Lake.open(built.lake), built.generation)
    assert built.generation in said
    assert f"{generation.audit['profiles']:,}" in said
    assert any(state in said for state in ("in the lake only", "in the store", "active"))
    assert "1 failed" in said
    assert "need the right to trigger" in said  # a viewer
    assert "Publish</a>" not in page.text


def test_answers_bind_the_browser(site: Site, address: str) -> None:
    visitor = site.visit("vera")
    for path in ("/profiles", address, "/style.css", "/nowhere", "/lakes/xyz/generations"):
        headers = visitor.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "script-src 'self'" in policy
        assert headers["cache-control"] == "no-store"


def test_the_report_of_a_generation_is_shown(site: Site, address: str) -> None:
    said = text_of(site.visit("vera").get(address).text)
    for word in ("From photos to profiles", "Rounds", "Audit", "What speaks for a cluster", "Users without a profile"):
        assert word in said, word


def test_the_tab_of_a_run_shows_its_generation(site: Site, built: Built, lake_folder: Path) -> None:
    run_id = site.make_run(1, lake=str(lake_folder), generation=built.generation)
    answer = site.visit("vera").get(f"/runs/rebuild_profiles/{run_id.replace('+', '%2B')}")
    assert answer.status_code == 200
    assert f"generation {built.generation}" in text_of(answer.text)
    assert site.visit("vera").get("/runs/rebuild_profiles/another").status_code == 404
    assert site.visit("vera").get(f"/runs/train_scorer/{run_id}").status_code == 404


def test_a_user_has_a_page_with_crops_and_an_explanation(site: Site, built: Built, address: str) -> None:
    lake = Lake.open(built.lake)
    generation = find_generation(lake, built.generation)
    profiles = lake.read(generation.manifest(lake, generation.last_round, 0), "profiles", ["user_id", "reason"])
    user = next(row["user_id"] for row in profiles.to_pylist() if row["reason"] == "ok")
    answer = site.visit("vera").get(f"{address}/users", params={"user": user})
    assert answer.url.endswith(f"{address}/users/{user}")
    said = text_of(answer.text)
    assert "leader" in said
    assert "All evidence, cluster beside cluster" in said
    assert "data:image/jpeg;base64," in answer.text


def hidden_user(built: Built) -> int:
    """The user of the drawn population who did not consent."""
    lake = Lake.open(built.lake)
    generation = find_generation(lake, built.generation)
    for manifest in generation.manifests(lake, "partition").values():
        for row in lake.read(manifest, "users", ["user_id", "consent"]).to_pylist():
            if row["consent"] is False:
                return int(row["user_id"])
    raise AssertionError("everybody consented")


def test_a_user_without_consent_is_as_one_who_is_not_there(site: Site, built: Built, address: str) -> None:
    visitor, user = site.visit("ada"), hidden_user(built)
    hidden, missing = visitor.get(f"{address}/users/{user}"), visitor.get(f"{address}/users/{user + 10**9}")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace(str(user), "N") == missing.text.replace(str(user + 10**9), "N")


@pytest.mark.parametrize(
    "path",
    [
        "/users/1e3",
        "/users/99999999999999999999",
        "/users/..%2F..",
        "/users?user=<script>",
        "/people?reason=no%20consent",
        "/people?bucket=-1",
        "/people?after=x",
    ],
)
def test_what_is_no_id_is_refused(site: Site, address: str, path: str) -> None:
    answer = site.visit("ada").get(f"{address}{path}")
    assert answer.status_code in (404, 422)
    assert "<script>" not in answer.text


def test_users_are_listed_by_what_became_of_them(site: Site, built: Built, address: str) -> None:
    lake = Lake.open(built.lake)
    generation = find_generation(lake, built.generation)
    visitor = site.visit("vera")
    assert visitor.get(f"{address}/people").status_code == 200
    page = visitor.get(f"{address}/people", params={"reason": "ok"}).text
    for bucket in range(lake.buckets):
        manifest = generation.manifest(lake, generation.last_round, bucket)
        for row in lake.read(manifest, "profiles", ["user_id", "reason"]).to_pylist():
            assert (f'/users/{row["user_id"]}"' in page) == (row["reason"] == "ok")


def test_no_list_names_those_who_did_not_consent(site: Site, address: str) -> None:
    assert site.visit("ada").get(f"{address}/people", params={"reason": "no_consent"}).status_code == 404


def test_no_folder_is_read_that_nobody_configured(site: Site) -> None:
    visitor: Visitor = site.visit("ada")
    assert visitor.get("/lakes/0123456789ab/generations").status_code == 404
    assert visitor.get("/lakes/..%2F..%2Fetc/generations").status_code == 404
    assert visitor.get("/lakes/etcpasswd/generations").status_code == 422


def test_hostile_names_and_reasons_are_text(site: Site, root: str) -> None:
    for path in ("/generations", f"/generations/{DOUBTFUL}", f"/generations/{DOUBTFUL}/publish"):
        page = site.visit("ada").get(f"{root}{path}").text
        assert HOSTILE in text_of(page.replace("&lt;", "\0")).replace("\0", "<")
        assert "<script>alert" not in page
        assert "49" not in page.split("{{ 7 * 7 }}")[0][-20:]


def test_a_lake_that_is_gone_is_one_line(site: Site, tmp_path: Path, built: Built) -> None:
    gone = tmp_path / "gone"
    run_id = site.make_run(2, lake=str(gone), generation=built.generation)
    answer = site.visit("vera").get(f"/runs/rebuild_profiles/{run_id.replace('+', '%2B')}")
    assert answer.status_code == 404
    assert f"{gone}: is no lake (lake.json is missing); make one with kith build" in text_of(answer.text)
    lakes = site.visit("vera").get("/profiles")
    assert str(gone) in text_of(lakes.text)  # two lakes are known now: the reader chooses


def test_a_forgotten_user_is_gone_at_once(site: Site, root: str, built: Built, lake_folder: Path) -> None:
    lake = Lake.open(lake_folder)
    generation = find_generation(lake, built.generation)
    profiles = lake.read(generation.manifest(lake, generation.last_round, 1), "profiles", ["user_id", "reason"])
    user = next(row["user_id"] for row in profiles.to_pylist() if row["reason"] == "ok")
    visitor, path = site.visit("vera"), f"{root}/generations/{built.generation}/users/{user}"
    assert visitor.get(path).status_code == 200
    add_to_ledger(lake_folder, [user])
    assert visitor.get(path).status_code == 404
