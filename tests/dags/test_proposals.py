"""Forms propose what the environment names, and nothing where a field would refuse it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.airflow, pytest.mark.slow]

SHOW = """
import json
from dags.forms import rebuild_form
from dags.proposals import with_proposals
form = with_proposals(rebuild_form())
shown = {name: form[name].resolve(suppress_exception=True) for name in ("population", "lake", "store", "settings")}
print(json.dumps(shown))
"""
GOOD = {
    "KITH_POPULATION": "/data/people",
    "KITH_LAKE": "/data/a lake",
    "KITH_STORE": "arrow:///data/store",
    "KITH_SETTINGS": "/data/kith.toml",
}
BAD = {"KITH_POPULATION": "people", "KITH_LAKE": "\n", "KITH_STORE": "/a b", "KITH_SETTINGS": "/kith.yaml"}


def proposals(tmp_path: Path, **variables: str) -> dict[str, str | None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KITH_")}
    environment = kept | variables | {"PYTHONPATH": str(ROOT), "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_what_the_environment_names_is_proposed(tmp_path: Path) -> None:
    assert list(proposals(tmp_path, **GOOD).values()) == list(GOOD.values())


@pytest.mark.parametrize("variables", [{}, BAD, dict.fromkeys(GOOD, "")])
def test_what_is_missing_or_refused_is_asked_for_as_before(tmp_path: Path, variables: dict[str, str]) -> None:
    assert set(proposals(tmp_path, **variables).values()) == {None}
