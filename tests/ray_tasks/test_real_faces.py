"""Real faces among real friendships, built by the shipped calibration and scorer: owners are told as well as promised.

A population of another school than the one that scorers were fitted on. Its people are of the same collection, so this
guards against loss; `make bench-quality` measures.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from profiling.evaluation import read_truth
from profiling.recognition import Recognizer
from profiling.settings import Settings, StoreSettings
from profiling.store import create_store, open_store
from ray_tasks.build import build
from ray_tasks.cli.recognize import read_thresholds
from ray_tasks.evaluating import evaluate_generation
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.lake_circle import LakeCircle
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from tests.profiling.embedding.conftest import SHARED
from tests.ray_tasks.test_recognize import named_right

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


@dataclass(frozen=True)
class Judged:
    """A lake of real people, and what evaluate found."""

    people: Path
    lake: Lake
    generation: Generation
    metrics: dict[str, Any]


@pytest.fixture(scope="module")
def judged(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    with RaySession(cpus=2) as session:
        lake = Lake.create(tmp_path_factory.mktemp("judged") / "lake", 4)
        generation = build(people, lake, Settings(), session)
        metrics = evaluate_generation(lake, generation, people / "truth", "all", session, Console(quiet=True))
    return Judged(people, lake, generation, metrics)


def test_owners_of_real_albums_are_found(judged: Judged) -> None:
    metrics, generation = judged.metrics, judged.generation
    largest, leaders = metrics["baseline_largest_cluster"]["value"], metrics["leader_accuracy"]["value"]
    assert metrics["precision"]["value"] >= 0.98, metrics["precision"]
    assert metrics["coverage"]["value"] >= 0.92, metrics["coverage"]
    assert leaders >= max(0.98, largest)
    assert sum(kind["users"] for kind in metrics["by_kind"].values()) == metrics["users"]
    profiles = generation.audit["users_by_reason"]
    assert sum(profiles.values()) == generation.audit["users"]


def test_recognize_agrees_with_evaluate_on_real_uploads(judged: Judged, tmp_path: Path) -> None:
    truth = read_truth(judged.people / "truth")
    assert truth.uploads.num_rows > 20
    uri = f"arrow://{tmp_path / 'store'}"
    create_store(uri).close()
    with RaySession(cpus=2) as session:
        publish(Order(judged.lake, judged.generation, uri, approved=True), session, StoreSettings())
    circle = LakeCircle(judged.lake, judged.generation)
    with closing(open_store(uri)) as store:
        recognizer = Recognizer(store, circle, Settings(), read_thresholds(judged.lake, judged.generation))
        faces = {
            row["upload_id"]: recognizer.recognize((judged.people / row["uri"]).read_bytes(), row["uploader_id"])
            for row in truth.uploads.to_pylist()
        }
    right, named, unmatched = named_right(truth, faces)
    assert right == judged.metrics["tp_all"]["count"] > 0
    assert named - right == judged.metrics["wrong_at_fp_0.001"]["count"]
    assert unmatched == judged.metrics["unmatched_upload_faces"]
