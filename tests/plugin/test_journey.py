"""A newcomer's way through the pages in a real browser: log in, trigger, watch, look, publish, roll back.

Run with KITH_PICTURES=docs/images it writes the pictures of README there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from profiling.settings import load_settings
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from tests.conftest import Built
from tests.dags.conftest import BIN, ROOT, RayHead, ray_head, wait_until
from tests.plugin.browser import Browser, find_chromium
from tests.plugin.conftest import DOUBTFUL, Site, active, make_environment, running, serving
from tests.ports import free_ports

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no chromium on the path"),
]

__all__ = ["ray_head"]

FRAME = "document.querySelector('iframe')?.contentDocument"
STATE = f"{FRAME}?.querySelector('tbody td[data-label=State]')?.innerText.trim()"
PICTURES = os.environ.get("KITH_PICTURES", "")  # a folder
HEIGHT = 900  # of the window in pixels
TABS = 30  # more than any page has to pass
RUN_S = 480.0  # seconds for a whole rebuild of nine users on a busy machine


@pytest.fixture(scope="module")
def published(lake_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store in which another lake's generation is active already, so that there is something to go back to."""
    store = f"arrow://{tmp_path_factory.mktemp('journey')}/profiles"
    command = [sys.executable, "-m", "ray_tasks", "publish", str(lake_folder), f"--store={store}", "--cpus=1"]
    done = subprocess.run([*command, f"--generation={DOUBTFUL}", "--approve"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return store


@pytest.fixture(scope="module")
def whole_site(published: str, ray_head: RayHead, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """All of Airflow that a rebuild needs: api-server, scheduler, dag-processor, and a Ray head."""
    home, (port,) = tmp_path_factory.mktemp("whole"), free_ports(1)
    connection = {"conn_type": "ray", "host": "127.0.0.1", "port": ray_head.port, "password": ray_head.token}
    more = {"AIRFLOW_CONN_RAY_DEFAULT": json.dumps(connection), "KITH_STORE": published}
    with ExitStack() as stack:
        site = stack.enter_context(serving(make_environment(home, port, **more)))
        pools = site.airflow.run(BIN / "airflow", "pools", "import", ROOT / "dags" / "pools.json")
        assert pools.returncode == 0, pools.stderr[-1000:]
        for name in ("scheduler", "dag-processor"):
            stack.enter_context(running(site.airflow, name, name))
        yield site


@pytest.fixture
def browser() -> Iterator[Browser]:
    program = find_chromium()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Browser(program, Path(folder)) as made:
        made.size(1280, HEIGHT)
        yield made


def keep_picture(browser: Browser, name: str, height: int = HEIGHT) -> None:
    """For README, where it is asked for."""
    if PICTURES:
        browser.size(1280, height)
        time.sleep(1.5)  # for what moves into its place
        browser.picture(Path(PICTURES) / f"{name}.png")
        browser.size(1280, HEIGHT)


def log_in(browser: Browser, site: Site, user: str) -> None:
    browser.go(f"{site.base}/")
    browser.type("input[name=username]", user)
    browser.type("input[name=password]", site.passwords[user])
    browser.press("Enter", 13)
    browser.wait("!location.pathname.startsWith('/auth')")


def fill_form(browser: Browser, sections: dict[str, dict[str, object]]) -> None:
    """The trigger form, section by section: opening one closes the one before."""
    browser.click("button", "Trigger")
    for section, values in sections.items():
        first = (
            f"document.querySelector('[role=dialog] input[name=element_{next(iter(values))}]')?.offsetParent != null"
        )
        while not browser.run(first):  # the form is drawn anew once its fields are known, with all sections closed
            browser.click("[role=dialog] button", section)
            time.sleep(1.0)
        for name, value in values.items():
            browser.type(f"[role=dialog] input[name=element_{name}]", str(value))


def newest_run(site: Site, dag: str) -> dict[str, Any]:
    """The newest run of a DAG, as Airflow's API tells it."""
    url = f"{site.base}/api/v2/dags/{dag}/dagRuns?order_by=-run_after&limit=1"
    found: list[dict[str, Any]] = site.visit("ada").session.get(url, timeout=60).json()["dag_runs"]
    return found[0] if found else {"state": "none"}


def named_actors(head: RayHead) -> set[str]:
    """Names of the actors that live now."""
    url = f"http://127.0.0.1:{head.port}/api/v0/actors?filter_keys=state&filter_predicates=%3D&filter_values=ALIVE"
    found = requests.get(url, headers=head.headers(), timeout=60).json()["data"]["result"]["result"]
    return {actor["name"] for actor in found if actor["name"]}


def watch_ray(browser: Browser, head: RayHead) -> set[str]:
    """While a rebuild runs: its job and its named actors stand on the Ray dashboard; returns their names."""
    seen: set[str] = set()

    def embeds() -> bool:
        seen.update(name for name in named_actors(head) if name.startswith("embed-"))
        return bool(seen)

    wait_until(embeds, RUN_S)
    dashboard = f"http://127.0.0.1:{head.port}"
    browser.call("Network.setExtraHTTPHeaders", headers=head.headers())
    browser.go(f"{dashboard}/#/actors")
    browser.wait(f"{json.dumps(sorted(seen))}.every(name => document.body.innerText.includes(name))")
    keep_picture(browser, "ray-actors")
    browser.go(f"{dashboard}/#/jobs")
    browser.wait("document.body.innerText.includes('rebuild_profiles.')")
    browser.call("Network.setExtraHTTPHeaders", headers={})
    return seen


def by_keyboard(browser: Browser, words: str) -> None:
    """Go to a button with the tabulator and press it."""
    browser.wait(f"{FRAME}?.readyState === 'complete' && {FRAME}.body.innerText.includes({json.dumps(words)})")
    browser.run(f"{FRAME}.querySelector('a.skip').focus()")
    for _ in range(TABS):
        browser.press("Tab", 9)
        if browser.run(f"{FRAME}.activeElement?.innerText.trim() === {json.dumps(words)}"):
            browser.press("Enter", 13)
            return
    raise AssertionError(f"no way to {words} by keyboard")


@pytest.mark.timeout(1200)
def test_from_log_in_to_roll_back(
    whole_site: Site, built: Built, published: str, ray_head: RayHead, browser: Browser, tmp_path: Path
) -> None:
    site, settings = whole_site, load_settings(built.settings)
    log_in(browser, site, "ada")
    browser.go(f"{site.base}/dags/rebuild_profiles")
    network = {
        "photos_per_user": settings.selection.photos_per_user,
        "rounds": settings.scoring.rounds if PICTURES else 1,
    }
    told = {"population": built.population, "lake": tmp_path / "lake", "name": "autumn-2026"}
    fill_form(
        browser,
        {"Special cases": {"settings": built.settings}, "How to build": network, "What to build from": told},
    )
    keep_picture(browser, "trigger")
    browser.click("[role=dialog] button", "Trigger", last=True)
    wait_until(lambda: newest_run(site, "rebuild_profiles")["state"] == "running")
    run_id = newest_run(site, "rebuild_profiles")["dag_run_id"]

    assert watch_ray(browser, ray_head)
    browser.go(f"{site.base}/dags/rebuild_profiles/runs/{quote(run_id)}")
    wait_until(lambda: newest_run(site, "rebuild_profiles")["state"] in ("success", "failed"), RUN_S)
    assert newest_run(site, "rebuild_profiles")["state"] == "success"

    browser.click("a", "Generation")
    browser.wait(f"{FRAME}?.querySelector('#audit')")
    made = find_generation(Lake.open(tmp_path / "lake"), "autumn-2026").id
    assert f"generation {made}" in browser.run(f"{FRAME}.body.innerText")
    keep_picture(browser, "generation", 1100)
    browser.click("nav.parts a", "Users", frame="iframe")
    browser.click(".reasons a", "has a profile", frame="iframe")
    browser.wait(f"{FRAME}?.querySelector('.reasons [aria-current]')?.innerText.includes('has a profile')")
    browser.click("tbody th a", frame="iframe")
    browser.wait(f"{FRAME}?.querySelector('.cluster.leader .face')")
    keep_picture(browser, "user", 1500)

    browser.go(f"{site.base}/")
    browser.click("a", "Profiles")
    browser.click("td a", "Publish", frame="iframe")
    browser.wait(f"{FRAME}?.body.innerText.includes('Active now')")
    browser.click("button", "Publish", frame="iframe")
    browser.wait(f"{FRAME}?.querySelector('tbody .badge.good:not(:empty)') && {STATE} === 'active'", RUN_S)
    assert active(published) == made
    browser.wait(f"{FRAME}?.querySelector('[role=status]').innerText.includes('success')", RUN_S)
    keep_picture(browser, "profiles", 520)

    by_keyboard(browser, "Roll back")
    browser.wait(f"{FRAME}?.querySelector('h1').innerText === 'Roll back?'")
    by_keyboard(browser, "Roll back")
    browser.wait(f"{STATE} === 'in the store'")
    assert active(published) == DOUBTFUL
    assert not [line for line in browser.refused if "Content Security Policy" in line]


def test_pages_follow_airflows_dark_mode_and_fit_a_narrow_screen(
    site: Site, root: str, built: Built, browser: Browser
) -> None:
    log_in(browser, site, "vera")
    seen = {}
    for theme in ("light", "dark"):
        browser.run(f"localStorage.setItem('theme', '{theme}')")
        browser.go(f"{site.base}/plugin/kith-profiles")
        browser.wait(f"{FRAME}?.querySelector('table')")
        browser.wait(f"getComputedStyle({FRAME}.body).backgroundColor !== 'rgba(0, 0, 0, 0)'")  # the style sheet is in
        seen[theme] = browser.run(f"getComputedStyle({FRAME}.body).backgroundColor")
    assert seen == {"light": "rgb(247, 245, 241)", "dark": "rgb(18, 21, 23)"}
    browser.size(360, 740)
    of = f"{site.base}/kith{root}/generations"
    user = some_user(built)
    for path in ("", f"/{built.generation}", f"/{built.generation}/people", f"/{built.generation}/users/{user}"):
        browser.go(of + path)
        assert browser.run("document.documentElement.scrollWidth") <= 360, path
    assert not [line for line in browser.refused if "Content Security Policy" in line]


def some_user(built: Built) -> int:
    """A user with a profile."""
    lake = Lake.open(built.lake)
    generation = find_generation(lake, built.generation)
    rows = lake.read(generation.manifest(lake, generation.last_round, 0), "profiles", ["user_id", "reason"]).to_pylist()
    return int(next(row["user_id"] for row in rows if row["reason"] == "ok"))
