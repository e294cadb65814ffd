"""A whole build of a drawn population: what it leaves behind, and what it does not do twice."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from profiling.errors import PopulationError
from profiling.leaders import REASONS
from profiling.settings import Settings, load_settings
from profiling.vectors import unpack_vectors
from ray_tasks.build import build, summary
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation, generations
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from tests.conftest import Built

pytestmark = pytest.mark.slow


class NoRay(RaySession):
    """A session that fails the test when anything asks for Ray."""

    def ray(self) -> object:
        raise AssertionError("Ray was started although everything is done")


def again(built: Built, lake: Path, session: RaySession, **changes: str) -> str:
    settings = load_settings(built.settings, {name.replace("__", "."): value for name, value in changes.items()})
    return build(built.population, Lake.open(lake), settings, session).id


def manifests(lake: Path) -> Counter[str]:
    return Counter(path.parts[-3] for path in (lake / "manifests").glob("*/*/*.json"))


def test_every_user_has_exactly_one_row_and_a_reason(built: Built) -> None:
    lake = Lake.open(built.lake)
    tables = GenerationTables(lake, find_generation(lake))
    profiles = tables.table(tables.generation.last_round, "profiles")
    users = pq.read_table(built.population / "users.parquet")
    assert sorted(profiles["user_id"].to_pylist()) == sorted(users["user_id"].to_pylist())
    assert profiles["row"].to_pylist() == list(range(len(users)))
    assert set(profiles["reason"].to_pylist()) <= set(REASONS)
    assert sum(tables.generation.audit["users_by_reason"].values()) == len(users)


def test_most_drawn_users_get_a_profile_of_unit_length(built: Built) -> None:
    lake = Lake.open(built.lake)
    tables = GenerationTables(lake, find_generation(lake))
    profiles = tables.table(tables.generation.last_round, "profiles")
    resolved = np.array(profiles["reason"].to_pylist()) == "ok"
    assert resolved.sum() >= 4
    norms = np.linalg.norm(unpack_vectors(profiles["profile"])[resolved].astype(np.float32), axis=1)
    assert np.allclose(norms, 1, atol=2e-3)


def test_a_second_build_finds_everything_done_without_ray(built: Built) -> None:
    before = manifests(built.lake)
    assert again(built, built.lake, NoRay()) == built.generation
    assert manifests(built.lake) == before
    assert len(generations(Lake.open(built.lake))) == 1


def test_a_changed_setting_redoes_its_stage_and_those_after_it_only(built: Built, tmp_path: Path) -> None:
    lake = shutil.copytree(built.lake, tmp_path / "lake")
    before = manifests(lake)
    with RaySession(cpus=2) as session:
        other = again(built, lake, session, scoring__margin="0.9")
    assert other != built.generation
    new = manifests(lake) - before
    assert set(new) <= {"audit", "broaden", *(f"score-{k}" for k in range(10))}
    assert new["score-0"] == Lake.open(lake).buckets
    assert again(built, lake, NoRay()) == built.generation


def test_nobody_without_consent_is_processed(built: Built) -> None:
    users = pq.read_table(built.population / "users.parquet").to_pylist()
    refused = {user["user_id"] for user in users if user["consent"] is False}
    assert refused
    lake = Lake.open(built.lake)
    tables = GenerationTables(lake, find_generation(lake))
    assert not refused & set(tables.table("partition", "photos")["owner_id"].to_pylist())
    assert not refused & set(tables.table("cluster", "members")["user_id"].to_pylist())
    rows = {row["user_id"]: row for row in tables.table("partition", "users").to_pylist()}
    assert all(rows[user]["first_name"] is None and rows[user]["birth_year"] is None for user in refused)


def test_a_generation_keeps_its_scorer(built: Built) -> None:
    lake = Lake.open(built.lake)
    generation = find_generation(lake, built.generation)
    assert generation.scorer(lake).id == generation.artefacts["scorer"]


def test_the_summary_holds_no_vectors(built: Built) -> None:
    found = summary(find_generation(Lake.open(built.lake)))
    assert found["generation"] == built.generation
    assert found["audit"]["passed"] in (True, False)


def test_a_population_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="is no folder"):
        build(tmp_path / "nowhere", Lake.create(tmp_path / "lake"), Settings(), NoRay())
