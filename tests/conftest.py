"""What many tests share: a small drawn population, one undisturbed build of it, both kinds of stores, one Cassandra."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from profiling.settings import Settings
from tests.stores import cassandra, fresh_store, kind, spoil, uri

__all__ = [
    "cassandra",
    "fresh_store",
    "kind",
    "spoil",
    "uri",
]  # here and nowhere else: each place has a server of its own

ROOT = Path(__file__).parents[1]
TOGETHER = {"tests/dags": "airflow", "tests/plugin": "airflow", "tests/services": "services"}  # they share servers
USERS = 9  # of the drawn population: the ninth did not consent
BUCKETS = 4
PHOTOS_A_PART = 8  # small, so that a build has many parts and a kill finds some of them done


hypothesis.settings.register_profile("kith", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("kith")


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Give a file's tests to one process, and those of a folder that share a server."""

    def _split_scope(self, nodeid: str) -> str:
        name: str = nodeid.partition("::")[0]
        return next((group for folder, group in TOGETHER.items() if name.startswith(f"{folder}/")), name)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServer:
    """How tests are dealt out where several processes run beside each other."""
    return ByServer(config, log)


@dataclass(frozen=True)
class Built:
    """An undisturbed build: where it lies, and the settings file that made it."""

    population: Path
    lake: Path
    settings: Path
    generation: str


def demo_settings(**changes: dict[str, Any]) -> dict[str, Any]:
    """The demo's settings with sections changed."""
    from profiling.demo import DEMO_SETTINGS

    sections = {name: dict(values) for name, values in DEMO_SETTINGS.items()}
    for name, values in changes.items():
        sections[name] = sections.get(name, {}) | values
    return sections


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population folder of a few drawn people, with truth."""
    from profiling.demo import draw_population

    folder = tmp_path_factory.mktemp("drawn") / "population"
    draw_population(folder, users=USERS)
    return folder


@pytest.fixture(scope="session")
def built(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The drawn population, built on a local Ray."""
    from ray_tasks.build import build
    from ray_tasks.lake import Lake
    from ray_tasks.ray_session import RaySession

    folder = tmp_path_factory.mktemp("built")
    sections = demo_settings(embedding={"photos_per_part": PHOTOS_A_PART})
    settings = folder / "kith.toml"
    lines = []
    for name, values in sections.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    settings.write_text("\n".join(lines) + "\n")
    with RaySession(cpus=2) as session:
        generation = build(drawn, Lake.create(folder / "lake", BUCKETS), Settings.model_validate(sections), session)
    return Built(drawn, folder / "lake", settings, generation.id)
