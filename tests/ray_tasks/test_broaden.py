"""A real build that broadens: more profiles, nobody else touched, and the same bits as without any copying."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from profiling.co_occurrence import add_across
from profiling.leaders import REASONS
from profiling.rounds import score_round
from profiling.settings import load_settings
from profiling.vectors import unpack_vectors
from ray_tasks.build import build
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, find_generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.rows import open_rows
from ray_tasks.stages.partition_rows import bucket_friends
from ray_tasks.stages.score import LOGIC, distance_scale
from tests.conftest import Built
from tests.profiling.album_world import same_bits

pytestmark = pytest.mark.slow

Rows = npt.NDArray[np.float16]

FEW = 3  # photos a user, at first
STEPS = (6, 12)


def build_again(built: Built, lake: Path, **changes: str) -> Generation:
    settings = load_settings(built.settings, {name.replace("__", "."): value for name, value in changes.items()})
    with RaySession(cpus=2) as session:
        return build(built.population, Lake.open(lake), settings, session)


@pytest.fixture(scope="module")
def lake(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn lake, whose photos are all seen, with a narrow generation and then a broadened one."""
    folder = tmp_path_factory.mktemp("broadened") / "lake"
    shutil.copytree(built.lake, folder)
    build_again(built, folder, selection__photos_per_user=str(FEW), selection__broaden="[]")
    build_again(built, folder, selection__photos_per_user=str(FEW), selection__broaden=str(list(STEPS)))
    return folder


def both(lake: Path) -> tuple[GenerationTables, GenerationTables]:
    """The narrow and the broadened generation."""
    opened = Lake.open(lake)
    found = [GenerationTables(opened, find_generation(opened, each["id"])) for each in opened.notes("generations")]
    narrow = [each for each in found if each.settings.selection.photos_per_user == FEW]
    narrow.sort(key=lambda each: len(each.settings.selection.broaden))
    return narrow[0], narrow[1]


def profiles(of: GenerationTables) -> pa.Table:
    return of.table(of.generation.last_round, "profiles")


def counts(table: pa.Table, column: str) -> Counter[int]:
    return Counter(table[column].to_pylist())


def test_more_photos_give_more_users_a_profile(lake: Path) -> None:
    narrow, broad = both(lake)
    steps = broad.generation.broadened
    assert narrow.generation.broadened == []
    assert steps
    assert {step["photos"] for step in steps} <= set(STEPS)
    assert steps[0]["before"] == narrow.generation.rounds[-1]["profiles"]
    assert steps[-1]["after"] == broad.generation.rounds[-1]["profiles"] == broad.generation.audit["profiles"]
    assert steps[-1]["after"] > steps[0]["before"]


def test_only_unresolved_users_got_more_photos(lake: Path) -> None:
    narrow, broad = both(lake)
    before, after = (counts(each.table("select", "selection"), "owner_id") for each in (narrow, broad))
    has = counts(broad.table("partition", "photos"), "owner_id")
    reason = dict(zip(*(profiles(narrow)[name].to_pylist() for name in ("user_id", "reason")), strict=True))
    assert any(after[user] != before[user] for user in has)
    for user, photos in has.items():
        if reason[user] == "ok":
            assert after[user] == before[user] == min(FEW, photos)
        else:
            assert after[user] in {min(step, photos) for step in STEPS}


def test_untouched_users_keep_their_clusters(lake: Path) -> None:
    narrow, broad = both(lake)
    before, after = (counts(each.table("select", "selection"), "owner_id") for each in (narrow, broad))
    untouched = pa.array([user for user in before if before[user] == after[user]], pa.int64())
    pair = [each.table("cluster", "clusters") for each in (narrow, broad)]
    one, other = (table.filter(pc.is_in(table["user_id"], value_set=untouched)).combine_chunks() for table in pair)
    assert len(one) > 0
    assert same_bits(one, other)


def test_every_user_has_a_reason_and_sums_match(lake: Path, built: Built) -> None:
    users = pq.read_table(built.population / "users.parquet")["user_id"].to_pylist()
    for of in both(lake):
        for made in of.rounds("profiles"):
            assert sorted(made["user_id"].to_pylist()) == sorted(users)
            assert set(made["reason"].to_pylist()) <= set(REASONS)
            assert pc.all(pc.equal(pc.equal(made["reason"], "ok"), made["profile"].is_valid())).as_py()
        told = of.generation.audit["users_by_reason"]
        assert told == dict(Counter(profiles(of)["reason"].to_pylist()))
        assert sum(told.values()) == len(users)


def scored_in_full(
    of: GenerationTables, bucket: int, number: int, rows: Rows | None, last: pa.Table | None
) -> pa.Table:
    """Table `profiles` of a round of a bucket, with nothing to copy from."""
    lake, generation = of.lake, of.generation
    at = {name: generation.manifest(lake, name, bucket) for name in generation.stages}
    users = lake.read(at["partition"], "users")
    indptr, friends = bucket_friends(lake, at["partition"], users)
    clusters = add_across(lake.read(at["cluster"], "clusters"), lake.read(at["co_occurrence"], "co_occurrence"))
    return score_round(
        number, users, lake.read(at["people"], "people"), clusters, lake.read(at["cluster"], "members"),
        lake.read(at["select"], "selection"), lake.read(at["cluster"], "looked"), indptr, friends, rows, last,
        generation.scorer(lake), distance_scale(of.settings), of.settings.scoring, logic=LOGIC,
    )[1]  # fmt: skip


def test_rounds_with_copies_are_the_rounds_without(lake: Path) -> None:
    _, broad = both(lake)
    generation, opened = broad.generation, broad.lake
    assert sum(each["copied"] for each in generation.rounds) > 0
    assert all(each["copied"] + each["scored"] == generation.audit["users"] for each in generation.rounds)
    rows, last = None, [None] * opened.buckets
    for number, made in enumerate(generation.rounds):
        full = [scored_in_full(broad, bucket, number, rows, last[bucket]) for bucket in range(opened.buckets)]
        whole = pa.concat_tables(full).combine_chunks()
        assert same_bits(whole, broad.table(f"score-{number}", "profiles"))
        rows = np.stack([unpack_vectors(whole[name]) for name in ("profile", "second_profile")], axis=1)
        assert np.array_equal(rows, open_rows(opened, "profiles", made["rows"]))
        last = full


def test_a_second_build_does_nothing(lake: Path, built: Built) -> None:
    _, broad = both(lake)
    files = sorted((lake / "manifests").rglob("*.json"))
    again = build_again(built, lake, selection__photos_per_user=str(FEW), selection__broaden=str(list(STEPS)))
    assert again.id == broad.generation.id
    assert sorted((lake / "manifests").rglob("*.json")) == files
