"""An explanation weighs and decides as the rounds did, and what it says would change a decision does."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from profiling import tables
from profiling.explaining import Explanation, explain_user, usual_values
from profiling.explaining.case import read_case
from profiling.explaining.scenarios import Usual, scenarios
from profiling.rounds import score_round
from profiling.scorer import RoundWeights, Scorer
from profiling.settings import ScoringSettings
from profiling.vectors import unpack_vectors
from tests.profiling.album_world import EPS, World, changed, draw_world
from tests.profiling.explaining.slow_decision import decide

ROUNDS = 3
READ = ("friend_distance", "solo", "avatar")  # what the rule reads beside the weights


def scorer() -> Scorer:
    """Weights of a few pieces of evidence, friends from round 1 on, margins that leave some users without a leader."""

    def entry(margin: float, **coefficients: float) -> RoundWeights:
        given = np.array([coefficients.get(name, 0.0) for name in tables.EVIDENCE])
        means = np.array([0.5 if name in ("share", "friend_distance") else 0.0 for name in tables.EVIDENCE])
        return RoundWeights(means, np.ones(len(given)), given, 0.2, margin)

    some = {"share": 1.0, "solo": 0.05, "avatar": 0.2, "tags_owner": 0.3, "tags_others": -0.2, "age_agreement": 0.1}
    return Scorer("f" * 64, (entry(0.3, **some), entry(0.25, **some, friend_distance=0.5)))


@cache
def build() -> tuple[World, pa.Table, pa.Table, list[tuple[pa.Table, pa.Table]]]:
    """A population whose user 3 has not consented: world, clusters, members, and scores and profiles of all rounds."""
    world = draw_world(users=24, heavy=0.3)
    consent = [place != 3 for place in range(len(world.users))]
    world = World(**vars(world) | {"users": changed(world.users, "consent", consent)})
    clusters, members = world.cluster()
    profiles, last, made = None, None, []
    for number in range(ROUNDS + 1):
        made.append(
            score_round(
                round_number=number, users=world.users, people=world.people, clusters=clusters, members=members,
                selection=world.selection, seen=world.seen, indptr=world.indptr, friend_rows=world.friend_rows,
                profiles=profiles, last=last, scorer=scorer(), eps=EPS, settings=ScoringSettings(),
            )
        )  # fmt: skip
        last = made[-1][1]
        profiles = np.stack([unpack_vectors(last[n]) for n in ("profile", "second_profile")], axis=1)
    return world, clusters, members, made


@cache
def usual(number: int) -> Usual:
    _, clusters, _, made = build()
    return usual_values(clusters, made[number][0])


@cache
def explain(user_id: int, number: int) -> Explanation:
    world, clusters, members, made = build()
    return explain_user(
        user_id=user_id, users=world.users, clusters=clusters, members=members, seen=world.seen,
        selection=world.selection, scores=made[number][0], profiles=made[number][1],
        last=made[number - 1][1] if number else None, scorer=scorer(), round_number=number, margin=None,
        user_ids=np.asarray(world.users["user_id"]), usual=usual(number),
    )  # fmt: skip


def user_ids() -> list[int]:
    ids: list[int] = build()[0].users["user_id"].to_pylist()
    return ids


@pytest.mark.parametrize("number", range(ROUNDS + 1))
def test_weights_and_decisions_are_those_of_the_round(number: int) -> None:
    scores, profiles = build()[3][number]
    rows = {row["user_id"]: row for row in profiles.to_pylist()}
    for user in user_ids():
        told, row = explain(user, number), rows[user]
        assert (told.reason, told.leader, told.second) == (row["reason"], row["leader"], row["second"])
        assert "another version" not in told.verdict
        mine = scores.filter(pc.equal(scores["user_id"], user))
        assert [np.float32(one.weight) for one in told.clusters] == mine["weight"].to_pylist()
        for one, friend in zip(told.clusters, mine["nearest_friend_row"].to_pylist(), strict=True):
            assert one.weight == pytest.approx(told.intercept + sum(one.contributions.values()))
            assert set(one.evidence) == set(one.contributions) == set(tables.EVIDENCE)
            assert one.nearest_friend == (None if friend < 0 else user_ids()[friend])
        if told.clusters:
            assert told.nearest == row["best"]
            assert np.float32(told.margin) == row["margin"]
            assert f"luster {told.nearest} " in told.verdict or f"clusters {told.leader} " in told.verdict


@pytest.mark.parametrize("number", [0, ROUNDS])
def test_every_scenario_is_decided_as_the_plain_rule_says(number: int) -> None:
    world, clusters, _, made = build()
    last = made[number - 1][1] if number else None
    tried = partners = 0
    for user in user_ids():
        case = read_case(user, world.users, clusters, made[number][0], last, scorer(), number, None)
        if len(case.number) == 0 or (last is not None and case.last is not None and case.last["losses"][0].as_py()):
            continue
        for each in scenarios(case, usual(number)):
            leaders, barred = case.decide(each.matrix[None])
            assert not barred.any()
            weights = scorer().weigh(each.matrix, number).tolist()
            found = (leaders.reason[0], int(leaders.leader[0]), int(leaders.second[0]))
            distance, solo, avatar = (each.matrix[:, tables.EVIDENCE.index(name)].tolist() for name in READ)
            assert found == decide(weights, distance, case.asked, solo, avatar, case.photos.tolist())
            partners += leaders.second[0] >= 0
            tried += 1
    assert tried > 500
    assert partners


def test_what_is_told_would_have_changed_the_decision_with_the_numbers_told() -> None:
    reasons = set()
    for number in (0, ROUNDS):
        for user in user_ids():
            told = explain(user, number)
            now = (told.reason, told.leader, told.second) if told.reason == "ok" else (told.reason, -1, -1)
            for change in told.changes:
                assert (change.reason, change.leader, change.second) != now
                assert change.sentence.startswith("If ")
                if change.reason == "ok" and change.second < 0:
                    assert f"cluster {change.leader} would lead" in change.sentence
                    assert change.margin >= told.asked
            gains = [abs(change.gain) for change in told.changes]
            assert gains == sorted(gains)
            assert bool(told.changes) != bool(told.outlook)
            reasons.add((told.reason, bool(told.changes)))
    assert {("ok", True), ("ok", False), ("no_margin", True)} <= reasons


def test_a_single_piece_of_evidence_is_named_with_its_weight() -> None:
    world, clusters, _, made = build()
    user = next(u for u in user_ids() if explain(u, 0).reason == "no_margin" and explain(u, 0).changes)
    change = explain(user, 0).changes[0]
    case = read_case(user, world.users, clusters, made[0][0], None, scorer(), 0, None)
    same = [each for each in scenarios(case, usual(0)) if each.what in change.sentence]
    assert len(same) == 1
    place = case.number.tolist().index(change.cluster)
    gain = scorer().weigh(same[0].matrix, 0)[place] - scorer().weigh(case.matrix, 0)[place]
    assert gain == pytest.approx(change.gain)
    shown = re.search(r"\(([+−])(\d\.\d\d)\)", change.sentence)
    assert shown is not None
    assert float(shown[2]) * (1 if shown[1] == "+" else -1) == pytest.approx(gain, abs=0.006)


def test_users_without_consent_show_nothing() -> None:
    told = explain(user_ids()[3], ROUNDS)
    assert (told.reason, told.clusters, told.changes, dict(told.album)) == ("no_consent", (), (), {})
    assert "has not consented" in told.verdict


def test_json_holds_no_vector_and_no_nan() -> None:
    def longest(value: Any) -> int:
        if isinstance(value, dict):
            return max(map(longest, value.values()), default=0)
        if isinstance(value, list):
            numbers = sum(isinstance(each, int | float) for each in value)
            return max(numbers, *map(longest, value), 0) if value else 0
        return 0

    for user in user_ids()[:10]:
        told = explain(user, ROUNDS).to_json()
        text = json.dumps(told, allow_nan=False)
        assert longest(json.loads(text)) < 3
        assert "centroid" not in text
        assert told["clusters"] == [] or set(told["clusters"][0]["evidence"]) == set(tables.EVIDENCE)


def test_order_of_rows_and_other_users_change_nothing() -> None:
    world, clusters, members, made = build()
    user = next(u for u in user_ids() if explain(u, ROUNDS).changes)
    turned = np.random.default_rng(0).permutation(len(clusters))
    again = explain_user(
        user_id=user, users=world.users, clusters=clusters.take(turned), members=members,
        seen=world.seen.take(np.arange(len(world.seen))[::-1]), selection=world.selection,
        scores=made[ROUNDS][0].take(turned[::-1]), profiles=made[ROUNDS][1], last=made[ROUNDS - 1][1],
        scorer=scorer(), round_number=ROUNDS, margin=None, user_ids=np.asarray(world.users["user_id"]),
        usual=usual_values(clusters.take(turned), made[ROUNDS][0]),
    )  # fmt: skip
    assert again.to_json() == explain(user, ROUNDS).to_json()


def test_a_generation_made_by_other_rules_is_shown_as_it_is_and_says_so() -> None:
    world, clusters, members, made = build()
    scores, profiles = made[0]
    user = next(u for u in user_ids() if explain(u, 0).reason == "ok" and len(explain(u, 0).clusters) > 1)
    mine = profiles.filter(pc.equal(profiles["user_id"], user))
    other = changed(mine, "leader", [1 - min(1, explain(user, 0).leader)])
    told = explain_user(
        user_id=user, users=world.users, clusters=clusters, members=members, seen=world.seen,
        selection=world.selection, scores=scores, profiles=other, last=None, scorer=scorer(), round_number=0,
        margin=None, user_ids=np.asarray(world.users["user_id"]), usual=usual(0),
    )  # fmt: skip
    assert told.leader == other["leader"][0].as_py()
    assert told.verdict.endswith("made by another version of Kith.")
