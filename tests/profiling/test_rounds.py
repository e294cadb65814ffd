"""Rounds on a drawn population: friends decide, every user has one row and a reason, nothing depends on buckets."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from profiling import tables
from profiling.leaders import REASONS
from profiling.rounds import have_moved, score_round
from profiling.scorer import RoundWeights, Scorer
from profiling.settings import ScoringSettings
from profiling.vectors import pack_vectors, unpack_vectors
from tests.profiling.album_world import DIM, EPS, World, changed, draw_world, same_bits, shuffled

USERS = 40


def scorer() -> Scorer:
    """Share of the photos, and from round 1 on the distance to the nearest friend."""

    def entry(**coefficients: float) -> RoundWeights:
        given = np.array([coefficients.get(name, 0.0) for name in tables.EVIDENCE])
        means = np.array([0.5 if name in ("share", "friend_distance") else 0.0 for name in tables.EVIDENCE])
        return RoundWeights(means, np.ones(len(given)), given, 0.3, 0.1)

    return Scorer("f" * 64, (entry(share=1.0), entry(share=1.0, friend_distance=1.0)))


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(heavy=0.3)


def run(world: World, rounds: int, parts: list[World] | None = None) -> list[tuple[pa.Table, pa.Table]]:
    """All rounds over one bucket, or over several that share the last round's profiles."""
    buckets = parts or [world]
    clustered = [bucket.cluster() for bucket in buckets]
    profiles, last = None, [None] * len(buckets)
    made = []
    for number in range(rounds + 1):
        found = [
            score_round(
                round_number=number, users=b.users, people=b.people, clusters=c, members=m, selection=b.selection,
                seen=b.seen, indptr=b.indptr, friend_rows=b.friend_rows, profiles=profiles, last=before,
                scorer=scorer(), eps=EPS, settings=ScoringSettings(),
            )
            for b, (c, m), before in zip(buckets, clustered, last, strict=True)
        ]  # fmt: skip
        last = [profile for _, profile in found]
        whole = pa.concat_tables(last).sort_by("row")
        profiles = np.stack([unpack_vectors(whole[n]) for n in ("profile", "second_profile")], axis=1)
        scores = pa.concat_tables([score for score, _ in found])
        made.append((scores.sort_by([("user_id", "ascending"), ("cluster", "ascending")]), whole))
    return made


def right(world: World, profiles: pa.Table) -> tuple[int, int]:
    """Profiles, and those that are the owner's."""
    labels = world.labels(world.cluster()[1])
    own = {(r["user_id"], r["cluster"]) for r in labels.to_pylist() if r["owner"]}
    led = [(r["user_id"], r["leader"]) for r in profiles.to_pylist() if r["leader"] >= 0]
    return len(led), sum(pair in own for pair in led)


def test_tables_are_as_spelled_with_one_row_a_user(world: World) -> None:
    scores, profiles = run(world, 1)[1]
    assert scores.schema == tables.SCORES
    assert profiles.schema == tables.profiles_schema(DIM)
    assert profiles["row"].to_pylist() == list(range(USERS))
    assert len(scores) == len(world.cluster()[0])
    assert set(profiles["reason"].to_pylist()) <= set(REASONS)
    resolved = np.asarray(pc.equal(profiles["reason"], "ok"))
    assert (np.asarray(profiles["leader"]) >= 0).tolist() == resolved.tolist()
    assert np.asarray(profiles["profile"].is_valid()).tolist() == resolved.tolist()


def test_friends_put_right_what_size_gets_wrong(world: World) -> None:
    rounds = run(world, 3)
    before, after = right(world, rounds[0][1]), right(world, rounds[-1][1])
    assert before[0] - before[1] >= 3
    assert after[0] - after[1] <= 1
    assert after[1] > before[1]


def test_the_profile_is_the_leaders_centroid(world: World) -> None:
    clusters = world.cluster()[0]
    profiles = run(world, 0)[0][1]
    keys = zip(clusters["user_id"].to_pylist(), clusters["cluster"].to_pylist(), strict=True)
    centroid = dict(zip(keys, clusters["centroid"].to_pylist(), strict=True))
    for row in profiles.to_pylist():
        assert row["profile"] == (centroid[row["user_id"], row["leader"]] if row["leader"] >= 0 else None)


def test_buckets_and_order_of_rows_change_no_bit(world: World) -> None:
    whole = run(world, 2)
    parts = [world.of_users(np.flatnonzero(np.arange(USERS) % 3 == k)) for k in range(3)]
    names = ("photos", "tags", "selection", "seen", "faces", "people")
    parts[1] = replace(parts[1], **{name: shuffled(getattr(parts[1], name)) for name in names})
    for one, other in zip(whole, run(world, 2, parts), strict=True):
        assert same_bits(one[0].combine_chunks(), other[0].combine_chunks())
        assert same_bits(one[1].combine_chunks(), other[1].combine_chunks())


def test_every_user_without_clusters_gets_the_first_reason_that_holds(world: World) -> None:
    clusters, members = world.cluster()
    ids = world.users["user_id"].to_pylist()
    keep = pc.invert(pc.is_in(clusters["user_id"], value_set=pa.array(ids[:7])))
    clusters = clusters.filter(keep)
    users = changed(world.users, "consent", [i != 0 for i in range(USERS)])
    selection = world.selection.filter(pc.not_equal(world.selection["owner_id"], ids[1]))
    photos = world.photos.filter(pc.equal(world.photos["owner_id"], ids[2]))["photo_id"].combine_chunks()
    broken = np.asarray(pc.is_in(world.seen["photo_id"], value_set=photos))
    seen = changed(world.seen, "reason", np.where(broken, "truncated", "ok").tolist())
    members = members.filter(pc.invert(pc.is_in(members["user_id"], value_set=pa.array([ids[2], ids[3]]))))
    owner = np.asarray(members["user_id"])
    state = np.asarray(members["state"], object)
    state = np.where(owner == ids[4], "nonface", np.where(owner == ids[5], "low_score", state))
    members = changed(members, "state", state.tolist())
    _, profiles = score_round(
        0, users, world.people, clusters, members, selection, seen, world.indptr, world.friend_rows, None, None,
        scorer(), EPS, ScoringSettings(),
    )  # fmt: skip
    expected = ["no_consent", "no_photos", "decode_failures", "no_faces", "nonfaces", "nonfaces", "no_cluster"]
    assert profiles["reason"].to_pylist()[:7] == expected
    assert np.isnan(profiles["margin"].to_numpy()[:7]).all()


def test_without_consent_clusters_are_not_scored(world: World) -> None:
    clusters, members = world.cluster()
    users = changed(world.users, "consent", [i % 2 == 0 for i in range(USERS)])
    scores, profiles = score_round(
        0, users, world.people, clusters, members, world.selection, world.seen, world.indptr, world.friend_rows,
        None, None, scorer(), EPS, ScoringSettings(),
    )  # fmt: skip
    assert profiles["reason"].to_pylist()[1::2] == ["no_consent"] * (USERS // 2)
    assert profiles["profile"].null_count >= USERS // 2
    assert {(u - 5) // 10 % 2 for u in scores["user_id"].to_pylist()} == {0}


def test_an_empty_bucket_is_no_error(world: World) -> None:
    nobody = world.of_users(np.zeros(0, np.int64))
    scores, profiles = run(nobody, 0)[0]
    assert (len(scores), len(profiles)) == (0, 0)


def test_moved_is_another_leader_or_another_vector(world: World) -> None:
    rounds = run(world, 3)
    assert rounds[0][1]["moved"].equals(pc.equal(rounds[0][1]["reason"], "ok"))
    for (_, before), (_, after) in pairwise(rounds):
        changed_leader = np.asarray(before["leader"]) != np.asarray(after["leader"])
        assert np.asarray(after["moved"]).tolist() == changed_leader.tolist()
    made = rounds[-1][1]
    vectors = unpack_vectors(made["profile"]).astype(float)
    there = vectors.any(axis=1)
    turned = vectors + 0.05 * np.roll(vectors, 1, axis=1)
    place = made.column_names.index("profile")
    other = made.set_column(place, "profile", pack_vectors(turned, there))
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(turned, axis=1)
    cosine = (vectors * turned).sum(axis=1) / np.maximum(lengths, 1e-9)
    assert have_moved(other, made, 0.999).tolist() == (there & (cosine < 0.999)).tolist()
    assert not have_moved(other, made, 0.5).any()


def test_friends_who_dispute_a_face_come_to_rest(world: World) -> None:
    swapping = draw_world(seed=4, heavy=0.6)
    rounds = run(swapping, 7)
    moved = [int(pc.sum(profiles["moved"]).as_py()) for _, profiles in rounds]
    assert moved[1] > 0
    assert moved[-2:] == [0, 0]
