"""Stories out of the lake's tables: who is chosen, which faces, and what is told."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from profiling.report import MAX_FACES, UserStory, choose_faces, choose_users, tell_user
from profiling.tables import (
    EVIDENCE,
    MEMBERS,
    SCORES,
    USERS,
    clusters_schema,
    faces_schema,
    pack_vectors,
    profiles_schema,
)

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


def tell(name: dict[str, object], profile: dict[str, object]) -> UserStory:
    ids = [{"user_id": USER, "cluster": 0}, {"user_id": USER, "cluster": 1}]
    clusters = [ids[0] | {"faces": 3, "photos": 3, "size": 1.5}, ids[1] | {"faces": 2, "photos": 2, "size": 0.5}]
    scores = [ids[0] | {"weight": 0.9, "friends_near": 2.0}, ids[1] | {"weight": None}]
    return tell_user(
        USER,
        table([{"user_id": USER, **name}, {"user_id": 1}], USERS),
        table([{"user_id": USER, **profile}], profiles_schema(DIM)),
        table(clusters, clusters_schema(DIM)),
        table(scores, SCORES),
        choose_faces(USER, *album({0: 3, 1: 2})),
        np.zeros((5, 72, 72, 3), np.uint8),
        contributions={0: {"size": 0.7}},
        asked_margin=0.2,
        owners={0: True},
    )


def test_story_tells_what_the_tables_hold() -> None:
    story = tell(
        {"first_name": "Анна", "last_name": "O'Neil", "gender": "female", "birth_year": 1980},
        {"reason": "ok", "leader": 0, "second": None, "margin": 0.4},
    )
    assert (story.name, story.leader, story.second) == ("Анна O'Neil", 0, -1)
    assert story.facts == [("stated gender", "female"), ("stated birth year", "1980")]
    first, other = story.clusters
    assert (first.cluster, first.faces, first.weight, first.owner) == (0, 3, pytest.approx(0.9), True)
    assert first.contributions == {"size": 0.7}
    assert set(first.evidence) == set(EVIDENCE)
    assert (first.evidence["size"], first.evidence["friends_near"]) == (1.5, 2.0)
    assert (other.owner, math.isnan(other.weight), math.isnan(other.evidence["solo"])) == (False, True, True)
    assert story.vectors.shape == (5, DIM)


def test_nameless_and_leaderless_users_are_told_too() -> None:
    story = tell({}, {"reason": "no_margin"})
    assert story.name == f"user {USER}"
    assert (story.leader, story.second, math.isnan(story.margin)) == (-1, -1, True)


def test_unknown_users_are_refused() -> None:
    with pytest.raises(ValueError, match="has 0 rows, not one"):
        tell_user(5, *[table([], schema) for schema in (USERS, profiles_schema(4), clusters_schema(4), SCORES)],
                  pa.table({}), np.zeros((0, 72, 72, 3), np.uint8), {}, 0.2)  # fmt: skip
