"""Stories out of the lake's tables: who is chosen, which faces, and what is told."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from profiling.explaining import Change, ClusterExplanation, Explanation
from profiling.report import (
    MAX_FACES,
    UserStory,
    choose_faces,
    choose_unresolved,
    choose_users,
    tell_unresolved,
    tell_user,
)
from profiling.tables import MEMBERS, USERS, clusters_schema, faces_schema, profiles_schema
from profiling.vectors import pack_vectors

USER, DIM = 2**62 + 5, 16


def table(rows: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema})


def album(sizes: dict[int, int], state: str = "member") -> tuple[pa.Table, pa.Table]:
    """Members and faces of one user, one face a photo, in photo order shuffled over clusters."""
    labels = [label for label, size in sizes.items() for _ in range(size)]
    labels = np.random.default_rng(0).permutation(labels).tolist()
    rows = [
        {"user_id": USER, "photo_id": 10 + n, "face": 0, "cluster": label, "state": state if label >= 0 else "noise"}
        for n, label in enumerate(labels)
    ]
    faces = table([row | {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4} for row in rows], faces_schema(DIM))
    vectors = pack_vectors(np.eye(DIM)[np.arange(len(labels)) % DIM])
    place = faces.column_names.index("embedding")
    return table(rows, MEMBERS), faces.set_column(place, "embedding", vectors)


def test_faces_come_by_cluster_with_loose_ones_last_whatever_the_order_of_rows() -> None:
    members, faces = album({0: 5, 1: 3, -1: 2})
    chosen = choose_faces(USER, members, faces)
    assert chosen["cluster"].to_pylist() == [0] * 5 + [1] * 3 + [-1] * 2
    photos = chosen["photo_id"].to_pylist()
    assert photos[:5] == sorted(photos[:5])
    order = np.random.default_rng(1).permutation(10)
    assert choose_faces(USER, members.take(order), faces.take(order[::-1])).equals(chosen)


def test_large_albums_are_cut_but_every_cluster_stays() -> None:
    chosen = choose_faces(USER, *album({0: 200, 1: 30, 2: 2, -1: 9}))
    counts = {label: chosen["cluster"].to_pylist().count(label) for label in (0, 1, 2, -1)}
    assert sum(counts.values()) == MAX_FACES
    assert counts == {0: 59, 1: 30, 2: 2, -1: 9}


def test_faces_that_were_cut_away_are_not_shown() -> None:
    assert choose_faces(USER, *album({0: 3}, state="nonface")).num_rows == 0
    assert choose_faces(1, *album({0: 3})).num_rows == 0


def profiles(rows: list[tuple[int, str, int, float]]) -> pa.Table:
    names = ("user_id", "reason", "second", "margin")
    return table([dict(zip(names, row, strict=True)) for row in rows], profiles_schema(DIM))


def test_users_worth_a_look_are_chosen_whatever_the_order_of_rows() -> None:
    rows = [(user, "ok", -1, user / 100) for user in range(1, 41)]
    rows += [(50, "no_margin", -1, 0.01), (51, "ok", 2, 0.3), (60, "no_photos", -1, float("nan"))]
    clusters = table([{"user_id": row[0]} for row in rows if row[0] != 60], clusters_schema(DIM))
    chosen = choose_users(profiles(rows), clusters, 8)
    assert len(chosen) == len(set(chosen)) == 8
    assert {40, 1, 50, 51} <= set(chosen)
    assert chosen[0] == 40
    assert chosen[-1] == 50
    assert choose_users(profiles(rows[::-1]), clusters, 8) == chosen
    assert choose_users(profiles(rows), clusters, 0) == []
    assert choose_users(profiles([]), clusters, 8) == []


def explained(**about: object) -> Explanation:
    evidence = {"size": 1.5, "avatar": math.nan}
    clusters = (
        ClusterExplanation(
            0, 3, 3, 0.9, evidence, {"size": 0.7, "avatar": 0.0}, nearest_friend=12, friend_distance=1.1
        ),
        ClusterExplanation(1, 2, 2, -0.2, evidence, {"size": -0.1, "avatar": 0.0}, barred="it gave way"),
    )
    change = Change(1, "size", 0.3, "no_margin", -1, -1, 0.1, "If size grew, nobody would lead.")
    told = {
        "user_id": USER, "round": 2, "reason": "ok", "meaning": "has a profile", "leader": 0, "second": -1,
        "nearest": 0, "margin": 1.1, "weight": 0.9, "asked": 0.2, "intercept": 0.1, "verdict": "Cluster 0 leads.",
        "clusters": clusters, "changes": (change,), "album": {"photos": {"ok": 5}, "faces": {"member": 5, "noise": 1}},
    }  # fmt: skip
    return Explanation(**told | about)


def tell(name: dict[str, object], owners: dict[int, bool] | None = None, **about: object) -> UserStory:
    return tell_user(
        USER,
        table([{"user_id": USER, **name}, {"user_id": 1}], USERS),
        choose_faces(USER, *album({0: 3, 1: 2})),
        np.zeros((5, 72, 72, 3), np.uint8),
        explanation=explained(**about),
        owners=owners,
    )


def test_story_tells_what_the_tables_and_the_explanation_hold() -> None:
    name = {"first_name": "Анна", "last_name": "O'Neil", "gender": "female", "birth_year": 1980}
    story = tell(name, owners={0: True})
    assert (story.name, story.leader, story.second, story.right) == ("Анна O'Neil", 0, -1, True)
    assert story.facts == [("stated gender", "female"), ("stated birth year", "1980")]
    assert (story.verdict, story.changes) == ("Cluster 0 leads.", ["If size grew, nobody would lead."])
    first, other = story.clusters
    assert (first.cluster, first.faces, first.weight, first.owner) == (0, 3, 0.9, True)
    assert first.contributions["size"] == 0.7
    assert first.notes == ["nearest profile: friend 12, 1.10 eps away"]
    assert (other.owner, other.notes) == (False, ["may not lead: it gave way"])
    assert story.vectors.shape == (5, DIM)


def test_the_truth_marks_profiles_right_or_wrong() -> None:
    assert tell({}).right is None
    assert tell({}, owners={1: True}).right is False
    assert tell({}, owners={0: True, 1: False}, second=1).right is False
    assert tell({}, owners={0: True, 1: True}, second=1).right is True
    assert tell({}, owners={0: True}, leader=-1, reason="no_margin").right is None


def test_nameless_users_are_told_too() -> None:
    assert tell({}, leader=-1, reason="no_margin").name == f"user {USER}"


def test_a_user_without_a_profile_is_a_line() -> None:
    line = tell_unresolved(explained(reason="no_margin", leader=-1))
    assert (line.cluster, line.margin, line.asked) == (0, 0.9, 0.2)
    assert (line.found, line.change) == ("5 photos, 6 faces", "If size grew, nobody would lead.")
    line = tell_unresolved(explained(reason="no_faces", changes=(), clusters=(), outlook="Photos.", margin=math.nan))
    assert line.change == "Photos."


def test_the_nearest_users_without_a_profile_are_listed_by_reason_and_nobody_without_consent() -> None:
    names = ("user_id", "reason", "margin", "weight")
    rows = [(1, "no_margin", 0.1, 0.9), (2, "no_margin", 0.9, 0.14), (3, "ok", 1.0, 1.0), (4, "no_faces", None, None),
            (5, "no_consent", None, None), (6, "no_margin", 0.2, 0.12)]  # fmt: skip
    made = table([dict(zip(names, row, strict=True)) for row in rows], profiles_schema(DIM))
    assert choose_unresolved(made) == [4, 2, 6, 1]
    assert choose_unresolved(made.take([5, 4, 3, 2, 1, 0]), limit=2) == [4, 2, 6]


def test_unknown_users_are_refused() -> None:
    with pytest.raises(ValueError, match="has 0 rows, not one"):
        tell_user(5, table([], USERS), pa.table({}), np.zeros((0, 72, 72, 3), np.uint8), explained())
