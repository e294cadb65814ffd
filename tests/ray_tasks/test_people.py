"""The people of a population are the same however it is cut into buckets, and its artefacts too."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.settings import Settings
from ray_tasks.jobs import BucketJob, run_job
from ray_tasks.lake import Lake, Manifest
from ray_tasks.progress import RunProgress
from ray_tasks.stages.context import BuildContext
from ray_tasks.stages.partition import run_partition
from ray_tasks.stages.people import people

CLASS, CLASSES = 12, 5


class Here:
    """Runs a stage's jobs in this process, one after the other."""

    def ray(self) -> None:
        """None is needed."""

    def run(self, lake: Lake, jobs: Sequence[BucketJob], done: Callable[[Manifest], None]) -> dict[int, Manifest]:
        results = {job.bucket: run_job(lake, job) for job in jobs}
        for manifest in results.values():
            done(manifest)
        return results


@pytest.fixture
def population(tmp_path: Path) -> Path:
    """Five school classes, ten years apart; the first of each hides year and gender, the second lies."""
    users = np.arange(CLASS * CLASSES)
    born = 1950 + 10 * (users // CLASS)
    pairs = [(a, b) for a in users for b in users if a < b and born[a] == born[b]]
    hidden, lying = users % CLASS == 0, users % CLASS == 1
    women = users % 2 == 0
    columns = {
        "user_id": users,
        "first_name": ["Anna" if woman else "Ivan" for woman in women],
        "last_name": ["Petrova" if woman else "Petrov" for woman in women],
        "gender": pa.array(["female" if woman else "male" for woman in women], mask=hidden),
        "birth_year": pa.array(np.where(lying, born + 25, born), pa.int16(), mask=hidden),
    }
    pq.write_table(pa.table(columns), tmp_path / "users.parquet")
    photos = {"photo_id": users, "owner_id": users, "uri": [f"{user}.jpg" for user in users]}
    pq.write_table(pa.table(photos), tmp_path / "photos.parquet")
    friends = {"user_a": [int(a) for a, _ in pairs], "user_b": [int(b) for _, b in pairs]}
    pq.write_table(pa.table(friends), tmp_path / "friendships.parquet")
    return tmp_path


def run(population: Path, folder: Path, buckets: int) -> tuple[dict[str, str], pa.Table]:
    lake = Lake.create(folder, buckets)
    context = BuildContext(lake, str(population), Settings(), Here(), RunProgress(lake, "test"))
    run_partition(context)
    fitted = people(context)
    tables = [lake.read(manifest, "people") for manifest in context.manifests["people"].values()]
    return fitted, pa.concat_tables(tables).sort_by("user_id").drop_columns(["row"])


def test_hidden_years_are_told_and_lies_give_way(population: Path, tmp_path: Path) -> None:
    _, found = run(population, tmp_path / "lake", 4)
    born = 1950 + 10 * (np.arange(CLASS * CLASSES) // CLASS)
    assert (found["birth_year"].to_numpy() == born).all()
    sources = np.array(found["birth_year_source"].to_pylist()).reshape(CLASSES, CLASS)
    assert (sources[:, :2] == "friends").all()
    assert (sources[:, 2:] == "stated").all()
    assert found["gender_source"].to_pylist()[::CLASS] == ["name"] * CLASSES
    assert min(found["gender_confidence"].to_pylist()) > 0.9


def test_buckets_change_no_bit(population: Path, tmp_path: Path) -> None:
    fitted, whole = run(population, tmp_path / "one", 1)
    again, parts = run(population, tmp_path / "eight", 8)
    assert again == fitted
    assert parts.equals(whole)
    assert set(fitted) == {"names", "cohorts"}
