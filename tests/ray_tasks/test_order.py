"""The order of the rows handed in, the number of buckets and of workers change no profile of any round."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.settings import load_settings
from ray_tasks.build import build
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from tests.conftest import Built
from tests.profiling.album_world import same_bits, shuffled

pytestmark = pytest.mark.slow

BY_ROW = ("row", "nearest_friend_row", "input_digest")  # rows are numbered bucket by bucket


def reordered(population: Path, folder: Path, seed: int) -> Path:
    """A copy of a population with the rows of every table shuffled, the friends of every pair perhaps swapped."""
    shutil.copytree(population, folder)
    rng = np.random.default_rng(seed)
    for path in sorted(folder.glob("*.parquet")):
        table = shuffled(pq.read_table(path), seed)
        if path.stem == "friendships":
            pairs = np.stack([np.asarray(table[name]) for name in ("user_a", "user_b")], axis=1)
            turned = np.where((rng.random(len(pairs)) < 0.5)[:, None], pairs[:, ::-1], pairs)
            table = pa.table({"user_a": turned[:, 0], "user_b": turned[:, 1]}, schema=table.schema)
        pq.write_table(table, path)
    return folder


def results(lake: Path) -> dict[str, pa.Table]:
    """What the users of a lake's newest generation got in every round, in the order of their ids."""
    opened = Lake.open(lake)
    tables = GenerationTables(opened, find_generation(opened))
    found: dict[str, pa.Table] = {}
    for name, keys in (("profiles", ["user_id"]), ("scores", ["user_id", "cluster"])):
        for number, table in enumerate(tables.rounds(name)):
            kept = table.select([column for column in table.column_names if column not in BY_ROW])
            found[f"{name} {number}"] = kept.sort_by([(key, "ascending") for key in keys]).combine_chunks()
    return found


@pytest.mark.parametrize(("buckets", "cpus"), [(1, 1), (8, 2)])
def test_order_buckets_and_workers_change_no_profile(built: Built, tmp_path: Path, buckets: int, cpus: int) -> None:
    population = reordered(built.population, tmp_path / "population", seed=buckets)
    changes: dict[str, Any] = {"embedding.photos_per_part": "5"} if buckets == 1 else {}
    with RaySession(cpus=cpus) as session:
        build(population, Lake.create(tmp_path / "lake", buckets), load_settings(built.settings, changes), session)
    expected, found = results(built.lake), results(tmp_path / "lake")
    assert expected.keys() == found.keys()
    different = [name for name in expected if not same_bits(expected[name], found[name])]
    assert different == []
    last = expected[f"profiles {len(expected) // 2 - 1}"]
    assert sum(reason == "ok" for reason in last["reason"].to_pylist()) >= 4
