"""Clusters of a drawn population: states, numbers, centroids, and that no order or cut of the data changes a bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from profiling import tables
from profiling.vectors import pack_vectors, unpack_vectors
from tests.profiling.album_world import DIM, World, appended, by_face, changed, draw_world, same_bits, shuffled


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world()


def test_tables_are_as_spelled_and_sorted(world: World) -> None:
    clusters, members = world.cluster()
    assert clusters.schema == tables.clusters_schema(DIM)
    assert members.schema == tables.MEMBERS
    assert same_bits(clusters, clusters.sort_by([("user_id", "ascending"), ("cluster", "ascending")]))
    assert same_bits(members, members.sort_by([(name, "ascending") for name in ("user_id", "photo_id", "face")]))
    assert len(members) == len(world.faces)


def test_clusters_are_people(world: World) -> None:
    _, members = world.cluster()
    seen: dict[tuple[int, int], set[int]] = {}
    for row in members.filter(pc.equal(members["state"], "member")).to_pylist():
        seen.setdefault((row["user_id"], row["cluster"]), set()).add(world.person[row["photo_id"], row["face"]])
    assert len(seen) > 60
    assert all(len(people) == 1 for people in seen.values())


def test_order_of_rows_changes_nothing(world: World) -> None:
    names = ("users", "photos", "tags", "selection", "seen", "faces", "people")
    mixed = replace(world, **{name: shuffled(getattr(world, name)) for name in names})
    assert all(same_bits(a, b) for a, b in zip(world.cluster(), mixed.cluster(), strict=True))


def test_cutting_into_buckets_changes_nothing(world: World) -> None:
    whole = world.cluster()
    parts = [world.of_users(np.flatnonzero(np.arange(40) % 3 == k)).cluster() for k in range(3)]
    for k in range(2):
        order = [(name, "ascending") for name in whole[k].column_names[:3] if name != "row"]
        joined = pa.concat_tables([part[k] for part in parts])
        assert same_bits(joined.sort_by(order), whole[k].sort_by(order))


def test_the_largest_cluster_is_number_0_and_counts_are_of_members(world: World) -> None:
    clusters, members = world.cluster()
    found = clusters.to_pylist()
    for one, other in pairwise(found):
        if one["user_id"] == other["user_id"]:
            assert other["cluster"] == one["cluster"] + 1
            assert (one["photos"], one["faces"]) >= (other["photos"], other["faces"])
        else:
            assert other["cluster"] == 0
    member = members.filter(pc.equal(members["state"], "member"))
    counted = member.group_by(["user_id", "cluster"]).aggregate([("face", "count")])
    counted = counted.sort_by([("user_id", "ascending"), ("cluster", "ascending")])
    assert counted["face_count"].to_pylist() == clusters["faces"].to_pylist()


def test_centroids_are_unit_means_of_the_members(world: World) -> None:
    clusters, members = world.cluster()
    vector = by_face(world.faces, unpack_vectors(world.faces["embedding"]).astype(np.float64))
    rows = members.filter(pc.equal(members["state"], "member")).to_pylist()
    middles = unpack_vectors(clusters["centroid"]).astype(np.float64)
    for cluster, middle in zip(clusters.to_pylist(), middles, strict=True):
        key = (cluster["user_id"], cluster["cluster"])
        mine = [vector[r["photo_id"], r["face"]] for r in rows if (r["user_id"], r["cluster"]) == key]
        mean = np.sum(mine, axis=0)
        np.testing.assert_allclose(middle, mean / np.linalg.norm(mean), atol=6e-4)
        far = np.mean([1 - v @ middle / np.linalg.norm(v) / np.linalg.norm(middle) for v in mine])
        assert cluster["spread"] == pytest.approx(far, abs=1e-6)


def test_cuts_come_first_and_are_named(world: World) -> None:
    scores = [0.5 if i % 7 == 0 else 0.99 for i in range(len(world.faces))]
    distances = [0.1 if i % 5 == 0 else 0.5 for i in range(len(world.faces))]
    faces = changed(changed(world.faces, "score", scores), "nonface_distance", distances)
    _, members = replace(world, faces=faces).cluster()
    state = by_face(members, members["state"].to_pylist())
    keys = list(by_face(faces, scores))
    for i, key in enumerate(keys):
        expected = {"low_score"} if i % 7 == 0 else {"nonface"} if i % 5 == 0 else {"member", "noise"}
        assert state[key] in expected
    _, members = replace(world, faces=faces).cluster(min_score=0.0, nonface_cut=0.0)
    assert set(members["state"].to_pylist()) == {"member", "noise"}


def test_reposting_a_photo_makes_no_cluster_and_no_larger_one(world: World) -> None:
    photo_id = next(photo for (photo, face), who in world.person.items() if who >= 40 and face == 0)
    photo, seen = (
        next(row for row in table.to_pylist() if row["photo_id"] == photo_id) for table in (world.photos, world.seen)
    )
    ids = list(range(900_000, 900_005))
    face = world.faces.filter(pc.equal(world.faces["photo_id"], photo_id))
    near_hash = {"perceptual_hash": seen["perceptual_hash"] ^ 3}
    picked = [{"owner_id": photo["owner_id"], "photo_id": i, "quality": 1.0, "rank": i % 100 + 90} for i in ids]
    grown = replace(
        world,
        photos=appended(world.photos, [photo | {"photo_id": i} for i in ids]),
        seen=appended(world.seen, [seen | near_hash | {"photo_id": i} for i in ids]),
        faces=pa.concat_tables([world.faces, *(changed(face, "photo_id", [i]) for i in ids)]),
        selection=appended(world.selection, picked),
    )
    before, after = world.cluster()[0], grown.cluster()
    assert after[0]["photos"].equals(before["photos"])
    reposted = after[1].filter(pc.is_in(after[1]["photo_id"], value_set=pa.array(ids)))
    assert reposted["state"].to_pylist() == ["duplicate"] * 5
    assert reposted["cluster"].to_pylist() == [-1] * 5
    assert len(grown.cluster(duplicate_bits=0)[0]) == len(before) + 1


@pytest.mark.parametrize(
    ("change", "copy"),
    [("nothing", True), ("moved", False), ("another face", False), ("too many bits", False), ("a face more", False)],
)
def test_a_cropped_copy_is_told_by_its_faces(world: World, change: str, copy: bool) -> None:
    """Hashes six bits apart, more than the four that are enough alone: the faces decide."""
    photo_id = next(photo for (photo, face) in world.person if face == 2)
    photo, seen = (
        next(row for row in table.to_pylist() if row["photo_id"] == photo_id) for table in (world.photos, world.seen)
    )
    faces = world.faces.filter(pc.equal(world.faces["photo_id"], photo_id))
    faces = changed(faces, "photo_id", [900_000] * len(faces))
    if change == "moved":
        faces = changed(faces, "x", [x + 0.15 for x in faces["x"].to_pylist()])
    if change == "another face":
        vectors = unpack_vectors(faces["embedding"])[[0, 0, 2]]
        faces = faces.set_column(faces.column_names.index("embedding"), "embedding", pack_vectors(vectors))
    if change == "a face more":
        faces = faces.slice(0, 2)
    flips = 0b111111 if change != "too many bits" else 0b111111111
    picked = {"owner_id": photo["owner_id"], "photo_id": 900_000, "quality": 1.0, "rank": 90}
    grown = replace(
        world,
        photos=appended(world.photos, [photo | {"photo_id": 900_000}]),
        seen=appended(world.seen, [seen | {"photo_id": 900_000, "perceptual_hash": seen["perceptual_hash"] ^ flips}]),
        faces=pa.concat_tables([world.faces, faces]),
        selection=appended(world.selection, [picked]),
    )
    members = grown.cluster()[1]
    states = members.filter(pc.equal(members["photo_id"], 900_000))["state"].to_pylist()
    assert set(states) == {"duplicate"} if copy else "duplicate" not in states


def test_viral_photos_make_no_cluster_and_no_larger_one(world: World) -> None:
    before, members = world.cluster()
    shown: dict[tuple[int, int], set[int]] = {}
    for row in members.filter(pc.equal(members["state"], "member")).to_pylist():
        shown.setdefault((row["user_id"], row["cluster"]), set()).add(row["photo_id"])
    large, small = max(shown, key=lambda key: len(shown[key])), min(shown, key=lambda key: (len(shown[key]), key))
    assert large[0] != small[0]
    spread = sorted({min(shown[large])} | set(sorted(shown[small])[1:]))
    after, again = world.cluster(viral=pa.table([pa.array(spread)], schema=tables.VIRAL))
    for user, difference in ((large[0], 0), (small[0], 1)):
        counts = [table.filter(pc.equal(table["user_id"], user)) for table in (before, after)]
        assert len(counts[0]) - len(counts[1]) >= difference
        assert pc.sum(counts[0]["photos"]).as_py() > pc.sum(counts[1]["photos"]).as_py()
    states = again.filter(pc.is_in(again["photo_id"], value_set=pa.array(spread)))["state"]
    assert set(states.to_pylist()) == {"viral"}
    assert "viral" not in set(members["state"].to_pylist())


def test_photos_older_than_their_owner_count_for_no_cluster(world: World) -> None:
    whole = world.cluster()[0]
    born = [2003.0 + 20 * (i % 3) for i in range(40)]  # photos of 2003: possible, and twenty and forty years too early
    trust = [0.9 if i % 2 else 0.7 for i in range(40)]
    people = changed(changed(world.people, "birth_year", born), "birth_year_confidence", trust)
    clusters, members = replace(world, people=people).cluster()
    early = {10 * i + 5 for i in range(40) if i % 2 and i % 3}
    assert set(clusters["user_id"].to_pylist()) == set(whole["user_id"].to_pylist()) - early
    states = {row["user_id"]: row["state"] for row in members.to_pylist() if row["state"] == "before_birth"}
    assert set(states) == early
    undated = replace(world, people=people, photos=changed(world.photos, "taken_at", [None] * len(world.photos)))
    assert len(undated.cluster()[0]) == len(whole)


def test_who_has_not_consented_is_not_looked_at(world: World) -> None:
    refused = changed(world.users, "consent", [i % 2 == 0 for i in range(40)])
    clusters, members = replace(world, users=refused).cluster()
    whole = world.cluster()
    even = pa.array(np.asarray(world.users["user_id"])[::2])
    assert same_bits(clusters, whole[0].filter(pc.is_in(whole[0]["user_id"], value_set=even)))
    assert set(members["user_id"].to_pylist()) <= set(even.to_pylist())


def test_nothing_in_gives_nothing_out(world: World) -> None:
    names = ("users", "photos", "tags", "selection", "seen", "faces", "people")
    clusters, members = replace(world, **{name: getattr(world, name).slice(0, 0) for name in names}).cluster()
    assert (len(clusters), len(members)) == (0, 0)
    assert clusters.schema == tables.clusters_schema(DIM)
    clusters, members = replace(world, faces=world.faces.slice(0, 0)).cluster()
    assert (len(clusters), len(members)) == (0, 0)
