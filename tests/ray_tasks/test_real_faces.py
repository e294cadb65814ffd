"""Real faces among real friendships, built by the shipped calibration and scorer: owners are told as well as promised.

A population of another school than the one that scorers were fitted on. Its people are of the same collection, so this
guards against loss; `make bench-quality` measures.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from profiling.settings import Settings
from ray_tasks.build import build
from ray_tasks.evaluating import assess_generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from tests.profiling.embedding.conftest import SHARED

pytestmark = [pytest.mark.slow, pytest.mark.data]

SCHOOL, USERS, SEED = "Oberlin44", 60, 12  # 1,240 photos


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population of real people, with truth about its users and faces."""
    tool = SHARED.parent / "tools" / "make_photo_population.py"
    if not tool.is_file() or not (SHARED / "lfw_dev").is_dir():
        pytest.skip(f"no population of real people can be made: {tool} or {SHARED / 'lfw_dev'} is missing")
    folder = tmp_path_factory.mktemp("people") / "population"
    sources = ["--identities", SHARED / "lfw_dev", "--labels", SHARED / "lfw_dev_labels.json",
               "--graph", SHARED / "facebook100" / SCHOOL, "--backgrounds", SHARED / "no_face"]  # fmt: skip
    options = ["--out", folder, "--max-users", USERS, "--seed", SEED]
    subprocess.run([sys.executable, tool, *map(str, sources + options)], check=True, capture_output=True)
    return folder


def test_owners_of_real_albums_are_found(people: Path, tmp_path: Path) -> None:
    with RaySession(cpus=2) as session:
        lake = Lake.create(tmp_path / "lake", 4)
        generation = build(people, lake, Settings(), session)
        metrics = assess_generation(lake, generation, people / "truth", "all", session, Console(quiet=True)).metrics
    largest, leaders = metrics["baseline_largest_cluster"]["value"], metrics["leader_accuracy"]["value"]
    assert metrics["precision"]["value"] >= 0.98, metrics["precision"]
    assert metrics["coverage"]["value"] >= 0.92, metrics["coverage"]
    assert leaders >= max(0.98, largest)
    assert sum(kind["users"] for kind in metrics["by_kind"].values()) == metrics["users"]
    profiles = generation.audit["users_by_reason"]
    assert sum(profiles.values()) == generation.audit["users"]
