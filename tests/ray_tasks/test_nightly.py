"""A nightly run equals a full rebuild with the same artefacts, bit for bit, and computes only what the day touched."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profiling.demo import draw_population
from profiling.errors import LakeError
from profiling.settings import Settings
from ray_tasks.build import build
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import artefact_path
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.rows import open_rows
from ray_tasks.stages.embed import stage_name
from tests.conftest import BUCKETS, PHOTOS_A_PART, demo_settings
from tests.ray_tasks.changed_population import Day, day_of_comings_and_goings, next_day
from tests.ray_tasks.test_kills import bits
from tests.ray_tasks.touched_users import Oracle, touched

pytestmark = pytest.mark.slow

USERS = 18  # all that the demo can draw
TABLES = {
    "partition": ("users", "photos", "tags", "friends"),
    "select": ("selection",),
    "people": ("people", "digests"),
    "viral": ("viral",),
    "cluster": ("clusters", "members", "looked", "digests"),
    "co_occurrence": ("co_occurrence", "digests"),
}
ROUND = ("scores", "profiles")


@dataclass(frozen=True)
class Night:
    """A full build, the night after it in the same lake, and a rebuild of that day in a lake of its own."""

    day: Day
    before: GenerationTables
    nightly: GenerationTables
    rebuilt: GenerationTables


def settings() -> Settings:
    return Settings.model_validate(demo_settings(embedding={"photos_per_part": PHOTOS_A_PART}))


def build_in(lake: Path, population: Path, artefacts: str = "") -> GenerationTables:
    opened = Lake.create(lake, BUCKETS)
    with RaySession(cpus=2) as session:
        return GenerationTables(opened, build(population, opened, settings(), session, artefacts=artefacts))


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("night")
    draw_population(folder / "monday", users=USERS)
    day = next_day(folder / "monday", folder / "tuesday")
    before = build_in(folder / "lake", folder / "monday")
    nightly = build_in(folder / "lake", folder / "tuesday", before.generation.id)
    record = folder / "lake" / "generations" / f"{before.generation.id}.json"
    rebuilt = build_in(folder / "fresh", folder / "tuesday", str(record))
    return Night(day, before, nightly, rebuilt)


def counted(of: GenerationTables, stage: str, name: str) -> int:
    return sum(int(manifest.counts[name]) for manifest in of.generation.manifests(of.lake, stage).values())


def different_tables(one: GenerationTables, other: GenerationTables) -> list[tuple[str, str]]:
    """Stage and name of each table of which two generations with as many rounds have other bits."""
    tables = [(stage, name) for stage, names in TABLES.items() for name in names]
    tables += [(f"score-{number}", name) for number in range(len(one.generation.rounds)) for name in ROUND]
    return [(stage, name) for stage, name in tables if bits(one.table(stage, name)) != bits(other.table(stage, name))]


def test_the_change_is_spread_over_all_buckets(night: Night) -> None:
    changed = night.day.added | night.day.deleted | night.day.replaced | night.day.untagged
    there = [of.table("partition", "photos") for of in (night.before, night.nightly)]
    owner = {row["photo_id"]: row["owner_id"] for table in there for row in table.to_pylist()}
    hit = {owner[photo] for photo in changed} | {night.day.withdrawn}
    assert len(set(night.nightly.lake.bucket_of(np.array(sorted(hit), np.int64)).tolist())) == BUCKETS


def test_a_nightly_run_is_the_full_rebuild_bit_for_bit(night: Night) -> None:
    one, other = night.nightly, night.rebuilt
    assert one.generation.id == other.generation.id
    assert one.generation.stages == other.generation.stages
    assert one.generation.artefacts == other.generation.artefacts == night.before.generation.artefacts
    assert len(one.generation.rounds) == len(other.generation.rounds) > 1
    assert different_tables(one, other) == []
    assert bits(one.faces(128)) == bits(other.faces(128))
    assert len(one.faces(128)) > 50


def test_only_new_and_replaced_photos_were_looked_at(night: Night) -> None:
    stage = stage_name(settings())
    parts = [part for bucket in range(BUCKETS) for part in night.nightly.lake.results(stage, bucket)]
    photos = sum(part.counts["photos"] for part in parts)
    first = len(night.before.table("select", "selection"))
    assert photos - first == len(night.day.added | night.day.replaced)


def test_the_difference_is_what_happened(night: Night) -> None:
    found: Counter[str] = Counter()
    for manifest in night.nightly.generation.manifests(night.nightly.lake, "partition").values():
        found.update(manifest.counts["difference"])
    own = sum(row["owner_id"] == night.day.withdrawn for row in night.before.table("partition", "photos").to_pylist())
    assert found["photos_added"] == len(night.day.added)
    assert found["photos_changed"] == len(night.day.replaced)
    assert found["photos_gone"] == len(night.day.deleted) + own
    assert found["consent_withdrawn"] == 1
    assert found["consent_given"] == found["users_gone"] == found["users_added"] == 0
    lists = [Oracle(of).friends for of in (night.before, night.nightly)]
    pairs = [{(user, friend) for user, friends in each.items() for friend in friends} for each in lists]
    assert found["friends_gone"] == len(pairs[0] - pairs[1])
    assert night.day.parted in pairs[0]
    assert night.day.parted not in pairs[1]


@pytest.mark.parametrize("stage", ["people", "cluster", "co_occurrence"])
def test_only_users_whose_inputs_changed_were_computed(night: Night, stage: str) -> None:
    before, after = Oracle(night.before), Oracle(night.nightly)
    read: dict[str, Callable[[Oracle], Any]] = {
        "people": lambda of: of.of_people(guesses(of.of)),
        "cluster": Oracle.of_cluster,
        "co_occurrence": Oracle.of_co_occurrence,
    }
    expected = touched(read[stage](before), read[stage](after))
    assert 0 < len(expected) < USERS
    assert counted(night.nightly, stage, "computed") == len(expected)
    assert counted(night.nightly, stage, "copied") == USERS - len(expected)
    assert counted(night.rebuilt, stage, "computed") == USERS


def test_a_round_is_replayed_against_the_same_round_of_the_base(night: Night) -> None:
    before, after = Oracle(night.before), Oracle(night.nightly)
    scorer = night.nightly.generation.scorer(night.nightly.lake)
    shared = min(len(of.generation.rounds) for of in (night.before, night.nightly))
    for number in range(shared):
        now = after.of_round(number)
        expected = touched(before.of_round(number), now)
        if number and scorer.of_round(number) is scorer.of_round(number - 1):
            expected &= touched(after.of_round(number - 1), now)
        assert night.nightly.generation.rounds[number]["scored"] == len(expected)
        assert len(expected) < USERS


def guesses(of: GenerationTables) -> dict[int, Any]:
    """First guesses by user id, as the stage published them."""
    ids = of.table("partition", "users")["user_id"].to_pylist()
    found = sorted((of.lake.folder / "rows").glob("guesses-*.npy"), key=lambda path: path.stat().st_mtime)
    path = found[-1] if of.generation.artefacts_of else found[0]
    rows = open_rows(of.lake, "guesses", path.stem.removeprefix("guesses-"))
    return dict(zip(ids, rows.tolist(), strict=True))


def test_photos_that_are_gone_are_in_no_cluster_and_no_evidence(night: Night) -> None:
    gone = night.day.deleted | {
        row["photo_id"]
        for row in night.before.table("partition", "photos").to_pylist()
        if row["owner_id"] == night.day.withdrawn
    }
    assert gone & set(night.before.table("cluster", "members")["photo_id"].to_pylist())
    for stage, name in (("cluster", "members"), ("cluster", "looked"), ("select", "selection"), ("partition", "tags")):
        assert not gone & set(night.nightly.table(stage, name)["photo_id"].to_pylist())
    assert night.day.withdrawn not in night.nightly.table("cluster", "clusters")["user_id"].to_pylist()
    last = night.nightly.table(night.nightly.generation.last_round, "profiles").to_pylist()
    assert next(row["reason"] for row in last if row["user_id"] == night.day.withdrawn) == "no_consent"


def test_a_night_on_which_users_join_and_leave_is_the_full_rebuild_bit_for_bit(night: Night, tmp_path: Path) -> None:
    tuesday = Path(night.nightly.generation.population)
    joins, leaves = day_of_comings_and_goings(tuesday, tmp_path / "wednesday")
    artefacts = night.nightly.generation.id
    shutil.copytree(night.nightly.lake.folder, tmp_path / "lake")
    nightly = build_in(tmp_path / "lake", tmp_path / "wednesday", artefacts)
    record = tmp_path / "lake" / "generations" / f"{artefacts}.json"
    rebuilt = build_in(tmp_path / "fresh", tmp_path / "wednesday", str(record))
    assert nightly.generation.id == rebuilt.generation.id
    assert different_tables(nightly, rebuilt) == []
    counts = [each.counts for each in nightly.generation.manifests(nightly.lake, "partition").values()]
    assert [sum(each["difference"][name] for each in counts) for name in ("users_added", "users_gone")] == [1, 1]
    ids = nightly.table("partition", "users")["user_id"].to_pylist()
    assert (joins in ids, leaves in ids) == (True, False)
    assert joins in nightly.table("cluster", "clusters")["user_id"].to_pylist()
    assert leaves not in nightly.table(nightly.generation.last_round, "profiles")["user_id"].to_pylist()
    assert 0 < counted(nightly, "cluster", "computed") < USERS == counted(rebuilt, "cluster", "computed")


def test_artefacts_are_frozen_and_their_origin_is_on_record(night: Night) -> None:
    first = night.before.generation
    for of in (night.nightly, night.rebuilt):
        assert of.generation.artefacts_of == first.id
        for kind in ("names", "cohorts", "scorer"):
            path = artefact_path(kind, first.artefacts[kind])
            assert (of.lake.folder / path).read_bytes() == (night.before.lake.folder / path).read_bytes()
    assert first.artefacts_of == ""


def test_artefacts_of_another_calibration_are_refused_in_one_line(night: Night, tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", BUCKETS)
    record = json.loads((night.before.lake.folder / "generations" / f"{night.before.generation.id}.json").read_text())
    record["artefacts"]["calibration"] = "0123"
    lake.add_once("generations/g1.json", record | {"id": "g1"})
    with pytest.raises(
        LakeError, match=r"g1 was made with another calibration of dlib \(0123\) .*; run a full rebuild$"
    ):
        build_in(tmp_path / "lake", night.before.lake.folder, "g1")
    with pytest.raises(LakeError, match="has no generation 'g2'"):
        build_in(tmp_path / "lake", night.before.lake.folder, "g2")
