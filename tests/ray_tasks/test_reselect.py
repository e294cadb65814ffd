"""Real builds about some users: only they are selected anew, and later stages copy what nobody touched."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from profiling.embedding import get_model
from profiling.errors import LakeError, PopulationError
from profiling.scorer import load_scorer
from profiling.settings import load_settings
from ray_tasks.build import build_until
from ray_tasks.explaining import Explainer
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, find_generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.stops import LAST, Stop
from ray_tasks.user_choice import UserChoice
from tests.conftest import Built
from tests.profiling.album_world import same_bits
from tests.ray_tasks.test_build import NoRay

pytestmark = pytest.mark.slow

FEW = {"selection.photos_per_user": "3", "selection.broaden": "[]"}


def about(
    built: Built, lake: Lake, session: RaySession, users: str, until: str = LAST[-1], base: str = "", **more: str
) -> Generation | None:
    settings = load_settings(built.settings, FEW | {name.replace("__", "."): value for name, value in more.items()})
    choice = UserChoice.parse(users, base)
    return build_until(Stop(until), built.population, lake, settings, session, choice=choice).generation


@pytest.fixture(scope="module")
def session() -> Iterator[RaySession]:
    with RaySession(cpus=2) as started:
        yield started


@pytest.fixture(scope="module")
def lake(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A copy of the built lake, whose photos are all seen."""
    return Lake.open(shutil.copytree(built.lake, tmp_path_factory.mktemp("reselected") / "lake"))


def selection(lake: Lake, generation: Generation) -> pa.Table:
    return GenerationTables(lake, generation).table("select", "selection")


def of(table: pa.Table, user: int, column: str = "owner_id") -> pa.Table:
    return table.filter(pc.equal(table[column], user)).combine_chunks()


@pytest.fixture(scope="module")
def pair(built: Built, lake: Lake, session: RaySession) -> tuple[Generation, Generation, int]:
    """The undisturbed generation, one about a single user, and that user."""
    before = find_generation(lake, built.generation)
    counts = pc.value_counts(selection(lake, before)["owner_id"]).to_pylist()
    user = int(max(counts, key=lambda each: (each["counts"], each["values"]))["values"])
    after = about(built, lake, session, str(user))
    assert after is not None
    return before, after, user


def test_a_listed_user_changes_and_all_others_keep_every_bit(
    lake: Lake, pair: tuple[Generation, Generation, int]
) -> None:
    before, after, user = pair
    then, now = selection(lake, before), selection(lake, after)
    assert len(of(now, user)) == 3 < len(of(then, user))
    others = [table.filter(pc.not_equal(table["owner_id"], user)).combine_chunks() for table in (then, now)]
    assert len(others[0]) > 0
    assert same_bits(*others)
    assert after.reselected["users"] == "listed"
    assert (after.reselected["anew"], after.reselected["base"]) == (1, before.id)
    assert str(user) not in json.dumps(after.reselected)


def test_buckets_that_nobody_touched_are_found_done_up_to_the_clusters(
    lake: Lake, pair: tuple[Generation, Generation, int]
) -> None:
    before, after, user = pair
    touched = int(lake.bucket_of(np.array([user], np.int64))[0])
    for stage in ("partition", "select", "people"):
        same = [a == b for a, b in zip(before.stages[stage], after.stages[stage], strict=True)]
        assert same == [stage != "select" or bucket != touched for bucket in range(lake.buckets)]


def test_the_generation_is_audited_over_the_whole_population(
    lake: Lake, pair: tuple[Generation, Generation, int]
) -> None:
    before, after, _ = pair
    assert after.id != before.id
    assert after.audit["users"] == before.audit["users"]
    assert after.audit["photos"]["selected"] == len(selection(lake, after))


def test_the_same_command_again_does_nothing(
    built: Built, lake: Lake, pair: tuple[Generation, Generation, int]
) -> None:
    _, after, user = pair
    again = about(built, lake, NoRay(), f"{user}, {user}")
    assert again is not None
    assert again.id == after.id


def test_the_unresolved_are_those_of_the_base_and_nobody_else(
    built: Built, lake: Lake, session: RaySession, pair: tuple[Generation, Generation, int]
) -> None:
    before, _, _ = pair
    profiles = GenerationTables(lake, before).table(before.last_round, "profiles")
    reasons = dict(zip(profiles["user_id"].to_pylist(), profiles["reason"].to_pylist(), strict=True))
    made = about(built, lake, session, "unresolved", base=before.id, selection__photos_per_user="2")
    assert made is not None
    then, now = selection(lake, before), selection(lake, made)
    unresolved = {user for user, reason in reasons.items() if reason != "ok"}
    assert unresolved & set(then["owner_id"].to_pylist())
    for user, reason in reasons.items():
        if reason == "ok":
            assert same_bits(of(now, user), of(then, user))
        else:
            assert len(of(now, user)) == min(2, len(of(then, user)))


def test_an_empty_lake_and_unknown_users_are_one_line(
    built: Built, lake: Lake, session: RaySession, tmp_path: Path
) -> None:
    with pytest.raises(PopulationError, match=r"^--users: the population holds no user 998, 999; correct the list$"):
        about(built, lake, session, "998,999", until="partition")
    with pytest.raises(LakeError, match="holds no generation to keep from; build all users first"):
        about(built, Lake.create(tmp_path / "lake", 1), session, "unresolved", until="partition")
    with pytest.raises(LakeError, match="has no generation 'autumn'"):
        about(built, lake, session, "unresolved", until="partition", base="autumn")


def test_the_margin_of_a_wanted_precision_is_named_wherever_one_looks(
    built: Built, lake: Lake, session: RaySession, tmp_path: Path
) -> None:
    shipped = load_scorer(get_model("dlib").sha256)
    points = [(0.0, 0.9), (0.2, 0.99), (0.45, 0.996), (0.7, 1.0)]  # margin, precision
    curve = [{"margin": m, "precision": p, "coverage": p * (1 - m)} for m, p in points]
    about_it = {"with_own_cluster": 10_000, "cross_validated": [{"curve": curve}] * 3, "wanted_precision": 0.9}
    file = tmp_path / "scorer.json"
    file.write_text(dataclasses.replace(shipped, provenance=about_it).to_json())
    settings = load_settings(built.settings, {"scoring.precision": "0.995", "scoring.scorer": str(file)})
    made = build_until(Stop(LAST[-1]), built.population, lake, settings, session).generation
    assert made is not None
    assert [each["margin"] for each in made.rounds] == [0.45] * len(made.rounds)
    assert [each["margin"] for each in made.audit["rounds"]] == [0.45] * len(made.rounds)
    assert made.artefacts["scorer"] != shipped.id
    assert made.scorer(lake).provenance["margins_of"] == shipped.id
    profiles = GenerationTables(lake, made).table(made.last_round, "profiles")
    led = profiles.filter(pc.and_(pc.equal(profiles["reason"], "ok"), pc.less(profiles["second"], 0)))
    assert len(led) > 0
    assert pc.min(led["margin"]).as_py() >= 0.45
    told = Explainer(GenerationTables(lake, made)).explain(led["user_id"][0].as_py())
    assert told.asked == 0.45
