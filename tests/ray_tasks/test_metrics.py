"""Every metric is at Ray's endpoint under the name that dashboard and rules use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from profiling.embedding import get_model
from ray_tasks.alerts import ALERTS, METRICS, rules
from ray_tasks.cli.inspect import photo_reasons
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.metrics import (
    BUSY,
    FACES,
    GENERATION_AGE,
    MOVED,
    PHOTOS,
    QUEUE,
    REASONS,
    SCORED,
    STATE,
    WORK,
    Metric,
)
from ray_tasks.metrics import METRICS as ALL
from tests.conftest import BUCKETS, USERS, Built
from tests.dags.conftest import RayHead

DOCKER = Path(__file__).parents[2] / "docker"
PATIENCE_S = 240  # seconds for a build of a few dozen photos on a busy machine
NAMES = re.compile(r"ray_kith_\w+")


def test_the_dashboard_uses_exactly_the_exported_names() -> None:
    text = (DOCKER / "grafana" / "dashboards" / "kith.json").read_text()
    dashboard = json.loads(text)
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert {name for each in asked for name in NAMES.findall(each)} == {metric.exported for metric in ALL}
    assert set(NAMES.findall(text)) == {metric.exported for metric in ALL}
    datasource = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text())
    known = {source["uid"] for source in datasource["datasources"]}
    assert {target["datasource"]["uid"] for panel in dashboard["panels"] for target in panel["targets"]} == known


def test_every_tag_that_a_panel_groups_by_is_one_of_its_metric() -> None:
    by_name = {metric.exported: metric for metric in ALL}
    dashboard = json.loads((DOCKER / "grafana" / "dashboards" / "kith.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            metric = by_name[NAMES.findall(target["expr"])[0]]
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            assert tuple(grouped[0].split(", ") if grouped else ()) == metric.tags, panel["title"]


def test_the_rules_file_is_the_one_made_of_the_alerts() -> None:
    text = (DOCKER / "prometheus" / "kith.rules.yml").read_text()
    assert text == rules(), "run: kith alerts --rules > docker/prometheus/kith.rules.yml"
    found = yaml.safe_load(text)["groups"][0]["rules"]
    assert [rule["alert"] for rule in found] == [alert.name for alert in ALERTS]
    assert [rule["expr"] for rule in found] == [alert.expression for alert in ALERTS]
    assert {name for rule in found for name in NAMES.findall(rule["expr"])} == {metric.exported for metric in METRICS}
    assert set(METRICS) == set(STATE)


def test_outside_ray_nothing_is_recorded_and_nothing_breaks() -> None:
    code = "from ray_tasks.metrics import *; count(PHOTOS, 1); gauge(QUEUE, 1, queue='parts'); import sys"
    code += "; assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def head() -> Iterator[RayHead]:
    folder = Path(tempfile.mkdtemp(prefix="km-"))  # short: Ray's sockets have 107 characters for their paths
    made = RayHead(folder)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def kith(head: RayHead, *arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": head.token}
    environment |= {"RAY_metrics_report_interval_ms": "500"}  # of the driver; Ray's own is 10 s
    address = f"--ray=127.0.0.1:{head.ports['port']}"
    return subprocess.Popen(
        [sys.executable, "-m", "ray_tasks", *map(str, arguments), address],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def scrape(head: RayHead) -> dict[str, dict[str, float]]:
    """Metrics of ours at Ray's endpoint: by name, value by labels as text."""
    text = requests.get(f"http://127.0.0.1:{head.ports['metrics-export-port']}/metrics", timeout=30).text
    found: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        if line.startswith("ray_kith_"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?", line).groups()  # type: ignore[union-attr]
            found.setdefault(name, {})[labels] = float(value)
    return found


def follow(head: RayHead, process: subprocess.Popen[str], wanted: tuple[Metric, ...]) -> dict[str, dict[str, float]]:
    """The largest values seen of every series until all that is wanted was seen."""
    seen: dict[str, dict[str, float]] = {}
    until = time.monotonic() + PATIENCE_S
    while missing := {metric.exported for metric in wanted} - seen.keys():
        assert time.monotonic() < until, f"never seen: {missing}"
        for name, series in scrape(head).items():
            for labels, value in series.items():
                seen.setdefault(name, {})[labels] = max(value, seen.get(name, {}).get(labels, value))
        if process.poll() is not None:
            assert process.returncode == 0, process.stderr and process.stderr.read()[-2000:]
        time.sleep(0.5)
    return seen


@pytest.mark.slow
def test_every_metric_is_at_rays_endpoint(head: RayHead, built: Built, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    build = kith(head, "build", built.population, "--lake", lake, "--settings", built.settings, "--buckets", BUCKETS)
    seen = follow(head, build, WORK)
    assert build.wait(PATIENCE_S) == 0
    they_say_what_the_lake_holds(seen, lake)
    store = f"arrow://{tmp_path}/store"
    publish = kith(head, "publish", lake, "--store", store)
    assert publish.wait(PATIENCE_S) == 0, publish.stderr and publish.stderr.read()
    watcher = kith(head, "alerts", lake, "--store", store, "--watch", 1)
    try:
        seen = follow(head, watcher, STATE)
    finally:
        watcher.terminate()
        watcher.wait(30)
    (age,) = seen[GENERATION_AGE.exported].values()
    assert 0 < age < PATIENCE_S
    for metric in set(STATE) - {GENERATION_AGE}:
        assert set(seen[metric.exported].values()) == {0.0}, metric


def they_say_what_the_lake_holds(seen: dict[str, dict[str, float]], folder: Path) -> None:
    lake = Lake.open(folder)
    tables = GenerationTables(lake, find_generation(lake))
    reasons = photo_reasons(lake)
    assert sum(seen[PHOTOS.exported].values()) == sum(reasons.values())
    told = {re.findall(r'reason="(\w+)"', labels)[0]: value for labels, value in seen[REASONS.exported].items()}
    assert told == reasons
    dim = get_model(tables.settings.embedding.model).dim
    assert sum(seen[FACES.exported].values()) == len(tables.faces(dim))
    rounds = tables.generation.rounds
    assert sum(seen[SCORED.exported].values()) <= sum(each["scored"] for each in rounds)
    for labels, share in seen[MOVED.exported].items():
        number = int(re.findall(r'round="(\d+)"', labels)[0])
        assert share == pytest.approx(rounds[number]["moved"] / USERS)
    assert all(0 < share <= 1 for share in seen[BUSY.exported].values())
    assert {re.findall(r'queue="(\w+)"', labels)[0] for labels in seen[QUEUE.exported]} == {"parts", "jobs"}
