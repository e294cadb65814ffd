"""An audit leaves nobody out, is the same in any division into buckets, and its gates close."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from profiling.audit import ADVICE, Change, audit_bucket, combine, hubs_of
from profiling.audit.change import Before
from profiling.errors import LakeError
from profiling.settings import AuditSettings
from tests.profiling.evaluation.small_world import draw_world

Tables = dict[str, Any]


def changed(table: pa.Table, name: str, values: Sequence[Any]) -> pa.Table:
    """The table with other values in one column."""
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(values, table.schema.field(name).type))


def draw_people(users: pa.Table, seed: int) -> pa.Table:
    """What stage `people` might know of these users."""
    rng = np.random.default_rng(seed)
    female = rng.choice([0.05, 0.5, 0.95], len(users))
    born = [None if rng.random() < 0.2 else float(rng.integers(1900, 2010)) for _ in range(len(users))]
    return pa.table({"user_id": users["user_id"], "female": female, "birth_year": pa.array(born, pa.float32())})


def about_photos(count: int) -> dict[str, Any]:
    """Every second photo broken, all files different."""
    files = [number.to_bytes(16, "big") for number in range(count)]
    return {"reason": np.resize(["ok", "truncated"], count), "content_hash": pa.array(files, pa.binary(16))}


def lake(seed: int = 3, users: int = 12) -> Tables:
    """The tables of a small generation, every photo selected and looked at."""
    world = draw_world(seed, users=users).generation
    photos = world.photos
    return {
        "users": world.users,
        "people": draw_people(world.users, seed),
        "profiles": list(world.profiles),
        "clusters": world.clusters,
        "members": world.members,
        "selection": photos.select(["owner_id", "photo_id"]),
        "seen": pa.table({"photo_id": photos["photo_id"], **about_photos(len(photos))}),
        "faces": changed(world.faces, "norm", [1.5] * len(world.faces)),
        "scores": [changed(table, "weight", [1.0] * len(table)) for table in world.scores],
    }


def of_users(tables: Tables, users: Sequence[int]) -> Tables:
    """The part of the tables that belongs to these users."""
    wanted = pa.array(users, pa.int64())

    def mine(table: pa.Table, column: str = "user_id") -> pa.Table:
        return table.filter(pc.is_in(table[column], value_set=wanted))

    selection = mine(tables["selection"], "owner_id")
    photos = selection["photo_id"].combine_chunks()
    return {
        **{name: mine(tables[name]) for name in ("users", "people", "clusters", "members")},
        **{
            name: tables[name].filter(pc.is_in(tables[name]["photo_id"], value_set=photos))
            for name in ("seen", "faces")
        },
        "profiles": [mine(table) for table in tables["profiles"]],
        "scores": [mine(table) for table in tables["scores"]],
        "selection": selection,
    }


def audit(tables: Tables, **settings: float) -> dict[str, Any]:
    given = AuditSettings(**settings)
    return combine([audit_bucket(**tables)], hubs_of(tables["profiles"][-1], given), given)


def gate(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in found["gates"] if row["name"] == name)


@pytest.mark.parametrize("buckets", [2, 3, 5])
def test_any_division_into_buckets_gives_one_audit(buckets: int) -> None:
    tables, settings = lake(), AuditSettings()
    users = tables["users"]["user_id"].to_pylist()
    parts = [audit_bucket(**of_users(tables, users[bucket::buckets])) for bucket in range(buckets)]
    parts = json.loads(json.dumps(parts))
    found = combine(parts, hubs_of(tables["profiles"][-1], settings), settings)
    assert found == combine(parts[::-1], hubs_of(tables["profiles"][-1], settings), settings) == audit(tables)


def test_counts_are_those_of_the_tables() -> None:
    tables = lake()
    found = audit(tables)
    reasons = tables["profiles"][-1]["reason"].to_pylist()
    assert found["users"] == sum(found["users_by_reason"].values()) == len(reasons)
    assert found["profiles"] == reasons.count("ok")
    assert found["photos"]["selected"] == found["photos"]["looked_at"] == len(tables["seen"])
    assert sum(found["clusters"]["sizes"].values()) == found["clusters"]["number"] == len(tables["clusters"])
    assert sum(found["profile_faces"].values()) == found["profiles"]
    assert [row["moved"] for row in found["rounds"]] == [sum(t["moved"].to_pylist()) for t in tables["profiles"]]
    json.dumps(found, allow_nan=False)


def test_missing_repeated_or_unexplained_users_are_an_error() -> None:
    tables = lake()
    last = tables["profiles"][-1]
    for broken, sentence in (
        (last.slice(1), "1 missing"),
        (pa.concat_tables([last, last.slice(0, 1)]), "1 repeated"),
        (pa.concat_tables([last.slice(1), last.slice(1, 1)]), "1 missing, 0 unknown, 1 repeated"),
        (changed(last, "reason", [None] * len(last)), "have no reason"),
    ):
        with pytest.raises(LakeError, match=sentence):
            audit(tables | {"profiles": [tables["profiles"][0], broken]})


def test_photos_that_are_not_selected_count_nothing() -> None:
    tables = lake()
    more = pa.table({"photo_id": pa.array([1, 2]), **about_photos(2)})
    assert audit(tables | {"seen": pa.concat_tables([tables["seen"], more])}) == audit(tables)


def test_gates_close_at_their_limits() -> None:
    tables = lake()
    found = audit(tables)
    for name, setting in (("coverage", "min_coverage"), ("failed_photos", "max_failed_photos")):
        value = gate(found, name)["value"]
        assert 0.01 < value < 0.99
        worse = value + 0.01 if setting == "min_coverage" else value - 0.01
        assert gate(audit(tables, **{setting: value}), name)["passed"]
        assert not gate(audit(tables, **{setting: worse}), name)["passed"]
        assert not audit(tables, **{setting: worse})["passed"]


def test_a_face_that_leads_many_albums_is_a_hub() -> None:
    tables = lake(users=40)
    last = tables["profiles"][-1]
    vectors = last["profile"].to_pylist()
    one = next(vector for vector in vectors if vector is not None)
    alike = changed(last, "profile", [None if vector is None else one for vector in vectors])
    shared = tables | {"profiles": [tables["profiles"][0], alike]}
    assert gate(audit(tables), "hubs")["value"] == 0
    found = audit(shared)
    assert found["profiles"] > 11
    failed = gate(found, "hubs")
    assert (failed["rule"], failed["limit"], failed["value"], failed["passed"]) == ("at most", 0.01, 1.0, False)
    assert "kith explain" in failed["advice"]
    assert found["hubs"]["worst"][0]["near"] == found["profiles"] - 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("unaccounted", lambda tables: {"seen": tables["seen"].slice(2)}),
        ("unweighed", lambda tables: {"scores": [changed(t, "weight", [None] * len(t)) for t in tables["scores"]]}),
        ("degenerate", lambda tables: {"faces": changed(tables["faces"], "norm", [None] * len(tables["faces"]))}),
    ],
)
def test_what_must_not_happen_closes_a_gate(name: str, change: Any) -> None:
    tables = lake()
    sound = gate(audit(tables), name)
    assert (sound["rule"], sound["limit"], sound["value"], sound["passed"]) == ("at most", 0, 0, True)
    assert not gate(audit(tables | change(tables)), name)["passed"]


def test_every_gate_says_what_to_do() -> None:
    gates = audit(lake())["gates"]
    assert {row["name"] for row in gates} == set(ADVICE)
    assert all(row["advice"] and row["meaning"] for row in gates)


def test_an_empty_population_passes() -> None:
    tables = of_users(lake(), [])
    found = audit(tables)
    assert found["users"] == found["profiles"] == 0
    assert found["passed"]


def test_buckets_of_different_rounds_are_an_error() -> None:
    tables = lake()
    one = audit_bucket(**tables)
    with pytest.raises(LakeError, match="different numbers of rounds"):
        combine(
            [one, one | {"rounds": one["rounds"][:1]}],
            hubs_of(tables["profiles"][-1], AuditSettings()),
            AuditSettings(),
        )


def test_a_generation_that_takes_profiles_away_is_stopped() -> None:
    tables, settings = lake(users=30), AuditSettings()
    last = tables["profiles"][-1]
    led = [row["reason"] == "ok" for row in last.to_pylist()]
    fewer = changed(last, "reason", ["no_margin" if each and k % 2 else r for k, (each, r) in
                                     enumerate(zip(led, last["reason"].to_pylist(), strict=True))])  # fmt: skip
    hubs, since = hubs_of(last, settings), Change("g0", 1.0)
    for then, passed in ((last, False), (fewer, True)):
        part = audit_bucket(**tables | {"profiles": [fewer]}, before=Before(then, True, 0.999, 0.1))
        found = combine([part], hubs, settings, since)
        assert gate(found, "lost")["passed"] is passed
        assert found["change"]["generation"] == "g0"
    assert gate(audit(tables), "lost")["value"] is None


def test_a_group_that_is_served_worse_closes_a_gate_that_names_it() -> None:
    tables = lake(users=120)
    last = tables["profiles"][-1]
    women = {row["user_id"] for row in tables["people"].to_pylist() if row["female"] > 0.5}
    reasons = ["no_margin" if user in women else "ok" for user in last["user_id"].to_pylist()]
    unfair = tables | {"profiles": [changed(last, "reason", reasons)]}
    found = gate(audit(unfair, fairness_users=10), "coverage_gap_gender")
    assert not found["passed"]
    assert found["value"] > 0.5
    assert found["detail"] == "female against male"
    assert gate(audit(unfair, fairness_users=121), "coverage_gap_gender")["passed"]
