"""Copying users by the digest of their inputs: not a bit may differ from computing everybody again."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.across_inputs import across_inputs, album_digests
from profiling.albums import integers
from profiling.cluster_inputs import album_inputs
from profiling.clusters import cluster_bucket
from profiling.copies import Copies, with_rows
from profiling.people_inputs import friend_lists, people_inputs
from profiling.selection import select_photos
from profiling.settings import ClusteringSettings
from profiling.tables import VIRAL
from tests.profiling.album_world import Ruler, World, changed, draw_world, same_bits

USERS = 16
RULES = ["rules", 1]
few = st.lists(st.integers(0, USERS - 1), max_size=3, unique=True)


@cache
def world() -> World:
    return draw_world(5, USERS, heavy=0.5)


def ids(rows: list[int]) -> pa.Array:
    return pa.array([10 * row + 5 for row in rows], pa.int64())


def first_photos(of: World, rows: list[int]) -> pa.Array:
    """The first photo of some users' albums."""
    photos = of.photos.group_by("owner_id").aggregate([("photo_id", "min")])
    return photos.filter(pc.is_in(photos["owner_id"], value_set=ids(rows)))["photo_id_min"].combine_chunks()


def changed_world(gone: list[int], other: list[int], untagged: list[int], refused: list[int]) -> World:
    """The world without some photos, with other bytes in some, without some users' tags, without some consents."""
    of = world()
    lost = first_photos(of, gone)
    left = {
        name: (table := getattr(of, name)).filter(pc.invert(pc.is_in(table["photo_id"], value_set=lost)))
        for name in ("photos", "tags", "seen", "faces")
    }
    swapped = pc.is_in(left["seen"]["photo_id"], value_set=first_photos(of, other)).to_pylist()
    hashes = [b"x" * 16 if s else h for s, h in zip(swapped, left["seen"]["content_hash"].to_pylist(), strict=True)]
    left["seen"] = changed(left["seen"], "content_hash", hashes)
    blank = pc.is_in(left["faces"]["photo_id"], value_set=first_photos(of, other)).to_pylist()
    scores = [0.5 if b else s for b, s in zip(blank, left["faces"]["score"].to_pylist(), strict=True)]
    left["faces"] = changed(left["faces"], "score", scores)
    left["tags"] = left["tags"].filter(pc.invert(pc.is_in(left["tags"]["owner_id"], value_set=ids(untagged))))
    users = changed(of.users, "consent", [row not in refused for row in range(USERS)])
    return replace(of, users=users, selection=select_photos(left["photos"], left["tags"]), **left)


def inputs(of: World) -> dict[str, Any]:
    names = ("users", "photos", "tags", "selection", "seen", "people")
    return {name: getattr(of, name) for name in names} | {"viral": VIRAL.empty_table()}


def clustered(given: dict[str, Any], of: World) -> tuple[pa.Table, pa.Table]:
    return cluster_bucket(**given, faces=of.faces, calibration=Ruler(), settings=ClusteringSettings())  # type: ignore[arg-type]


@cache
def before() -> tuple[pa.Table, pa.Table, pa.Table]:
    """Digests, clusters and members of the unchanged world."""
    digests = album_inputs(**inputs(world()), rules=RULES)
    user_id = integers(world().users["user_id"])
    return Copies.of(user_id, digests, []).table(), *clustered(inputs(world()), world())


@settings(max_examples=25, deadline=None)
@given(gone=few, other=few, untagged=few, refused=few)
def test_clusters_with_copies_are_those_of_everybody_bit_for_bit(
    gone: list[int], other: list[int], untagged: list[int], refused: list[int]
) -> None:
    of = changed_world(gone, other, untagged, refused)
    given = inputs(of)
    user_id = integers(of.users["user_id"])
    known, *tables = before()
    copies = Copies.of(user_id, album_inputs(**given, rules=RULES), [known])
    part = given | {"users": copies.rows_of_fresh(of.users)}
    part |= {"selection": copies.rows_of_fresh(of.selection, "owner_id")}
    keys = (("cluster",), ("photo_id", "face"))
    for found, expected, theirs, by in zip(clustered(part, of), clustered(given, of), tables, keys, strict=True):
        joined = copies.join(found, lambda _, theirs=theirs: theirs, *by)  # type: ignore[misc]
        assert same_bits(joined.combine_chunks(), expected.combine_chunks())
    tagged = set(world().tags["owner_id"].to_pylist())
    silent = {row for row in untagged if 10 * row + 5 in tagged}
    touched = {*gone, *other, *refused, *silent}
    assert copies.counts() == {"computed": len(touched), "copied": USERS - len(touched)}
    assert set(user_id[copies.fresh].tolist()) == set(ids(sorted(touched)).to_pylist())


def test_rules_that_changed_leave_nothing_to_copy() -> None:
    known, *_ = before()
    user_id = integers(world().users["user_id"])
    assert Copies.of(user_id, album_inputs(**inputs(world()), rules=RULES), [known]).counts()["computed"] == 0
    assert Copies.of(user_id, album_inputs(**inputs(world()), rules=["rules", 2]), [known]).counts()["copied"] == 0


def test_photos_that_are_not_selected_count_nothing() -> None:
    of = world()
    fewer = of.selection.filter(pc.less(of.selection["rank"], 3))
    given = inputs(of) | {"selection": fewer}
    shrunk = of.photos.filter(pc.is_in(of.photos["photo_id"], value_set=fewer["photo_id"].combine_chunks()))
    assert np.array_equal(album_inputs(**given, rules=RULES), album_inputs(**given | {"photos": shrunk}, rules=RULES))


def test_whoever_joined_is_computed_and_whoever_left_is_not_missed() -> None:
    one, other = np.array([1, 3, 5]), np.array([1, 4, 5])
    digests = np.arange(6, dtype=np.uint64).reshape(3, 2)
    copies = Copies.of(other, digests, [Copies.of(one, digests, []).table()])
    assert copies.fresh.tolist() == [False, True, False]
    rows = pa.table({"user_id": [1, 3, 5], "row": pa.array([0, 1, 2], pa.int32()), "cluster": [7, 8, 9]})
    computed = pa.table({"user_id": [4], "row": pa.array([8], pa.int32()), "cluster": [0]})
    joined = with_rows(copies.join(computed, lambda _: rows, "cluster"), other, np.array([7, 8, 9], np.int32))
    assert joined.to_pydict() == {"user_id": [1, 4, 5], "row": [7, 8, 9], "cluster": [7, 0, 9]}


def test_the_first_result_that_knows_a_user_is_taken_and_others_are_not_read() -> None:
    user_id, digests = np.array([1, 2]), np.ones((2, 2), np.uint64)
    table = Copies.of(user_id, digests, []).table()
    copies = Copies.of(user_id, digests, [table.slice(0, 0), table.slice(0, 1), table])
    assert copies.source.tolist() == [1, 2]
    assert Copies.of(user_id, digests + np.uint64(1), [table]).fresh.all()


@settings(max_examples=50, deadline=None)
@given(gone=few, moved=few)
def test_across_inputs_see_own_clusters_and_those_of_friends(gone: list[int], moved: list[int]) -> None:
    clusters = before()[1]
    of, rows = world(), np.arange(USERS)
    lost = clusters.filter(pc.invert(pc.is_in(clusters["user_id"], value_set=ids(gone))))
    hit = pc.is_in(lost["user_id"], value_set=ids(moved)).to_pylist()
    lost = changed(lost, "share", [s / 2 if m else s for m, s in zip(hit, lost["share"].to_pylist(), strict=True)])
    one, other = (
        across_inputs(rows, of.indptr, of.friend_rows, album_digests(table, rows), RULES) for table in (clusters, lost)
    )
    has = set((np.asarray(clusters["user_id"]) // 10).tolist())
    touched = (set(gone) | set(moved)) & has
    around = {user for user in has - set(gone) if touched & set(of.friend_rows[of.indptr[user] : of.indptr[user + 1]])}
    assert set(np.flatnonzero((one != other).any(axis=1)).tolist()) == touched | around


@settings(max_examples=50, deadline=None)
@given(lonely=few, aged=few)
def test_people_inputs_see_own_words_and_the_friends(lonely: list[int], aged: list[int]) -> None:
    of, user_ids = world(), integers(world().users["user_id"])
    lists = [list(of.friend_rows[of.indptr[u] : of.indptr[u + 1]]) for u in range(USERS)]
    fewer = [[f for f in each if f not in lonely] if u not in lonely else [] for u, each in enumerate(lists)]
    years = np.full(USERS, np.nan, np.float32)
    guesses = np.zeros((USERS, 4), np.uint8)

    def digests(friends: list[list[int]], stated: np.ndarray) -> Any:
        indptr = np.cumsum([0, *map(len, friends)])
        rows = np.array([f for each in friends for f in each], np.int32)
        circles = friend_lists(user_ids[rows], indptr)
        return people_inputs(of.users, indptr, rows, user_ids, stated, guesses, circles, RULES)

    later = years.copy()
    later[aged] = 1980
    differ = (digests(lists, years) != digests(fewer, later)).any(axis=1)

    def slow(friends: list[list[int]], stated: np.ndarray, user: int) -> str:
        return repr([(f, str(stated[f]), sorted(friends[f])) for f in sorted(friends[user])])

    expected = [slow(lists, years, user) != slow(fewer, later, user) for user in range(USERS)]
    assert differ.tolist() == expected
