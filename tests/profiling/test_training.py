"""Training: least squares against numpy, margins against a loop, and a scorer that knows what was planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from profiling import margins, regression, tables
from profiling.errors import PopulationError
from profiling.margins import LIMITS, choose_margin
from profiling.regression import AGAINST, PRIOR, RIDGE, STIFF, fit_weights
from profiling.scorer import Scorer
from profiling.training import TrainingTables, judge_scorer, train_scorer
from tests.profiling.album_world import EPS, World, draw_world, shuffled

N = len(tables.EVIDENCE)


def planted(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evidence that agrees with its direction, with gaps; owner of cluster i is user i // 4."""
    rng = np.random.default_rng(seed)
    owned = rng.random(n) < 0.3
    sign = np.array([-1.0 if name in AGAINST else 1.0 for name in tables.EVIDENCE])
    matrix = rng.normal(size=(n, N)) + np.where(owned, 1.0, -1.0)[:, None] * sign
    matrix[rng.random((n, N)) < 0.1] = np.nan
    return matrix, owned, np.arange(n) // 4


def test_where_no_direction_binds_it_is_weighted_ridge() -> None:
    matrix, owned, owner = planted(0)
    found = fit_weights(matrix, owned, owner, np.ones(len(owned), np.bool_))
    standard = np.nan_to_num((matrix - np.nanmean(matrix, axis=0)) / np.nanstd(matrix, axis=0), nan=0.0)
    design = np.column_stack([standard, np.ones(len(standard))])
    weight = 1 / np.bincount(owner)[owner]
    pull = np.diag([RIDGE * STIFF.get(name, 1) for name in tables.EVIDENCE] + [0.0])
    prior = np.array([PRIOR.get(name, 0) for name in tables.EVIDENCE] + [0.0])
    right = design.T @ (weight * np.where(owned, 1.0, -1.0)) + pull @ prior
    expected = np.linalg.solve(design.T @ (design * weight[:, None]) + pull, right)
    np.testing.assert_allclose(np.append(found.coefficients, found.intercept), expected, atol=1e-7)


def test_evidence_may_not_turn_against_what_it_is_for() -> None:
    matrix, owned, owner = planted(1)
    avatar, twins = tables.EVIDENCE.index("avatar"), tables.EVIDENCE.index("same_photo")
    matrix[:, [avatar, twins]] *= -1
    found = fit_weights(matrix, owned, owner, np.ones(len(owned), np.bool_))
    assert found.coefficients[[avatar, twins]] == pytest.approx([0, 0], abs=1e-9)
    others = np.delete(np.arange(N), [avatar, twins])
    sign = np.array([-1 if tables.EVIDENCE[i] in AGAINST else 1 for i in others])
    assert (found.coefficients[others] * sign > 0).all()


def test_evidence_that_is_missing_or_constant_weighs_nothing() -> None:
    matrix, owned, owner = planted(2)
    matrix[:, -2:], matrix[:, 3] = np.nan, 0.7
    found = fit_weights(matrix, owned, owner, np.ones(len(owned), np.bool_))
    assert found.coefficients[[-2, -1, 3]].tolist() == [0, 0, 0]
    assert (found.scales[[-2, -1, 3]] == 1).all()
    assert np.isfinite(found.weigh(matrix)).all()


def test_tags_that_nobody_gave_weigh_as_their_kin() -> None:
    matrix, owned, owner = planted(4)
    kin, confirmed, rejected = map(tables.EVIDENCE.index, ("tags_owner", "tags_confirmed", "tags_rejected"))
    taught = fit_weights(matrix, owned, owner, np.ones(len(owned), np.bool_))
    assert taught.coefficients[rejected] < 0 < taught.coefficients[confirmed]
    matrix[:, [confirmed, rejected]] = np.nan
    found = fit_weights(matrix, owned, owner, np.ones(len(owned), np.bool_))
    assert found.coefficients[confirmed] == 2 * found.coefficients[kin] > 0
    assert found.coefficients[rejected] == -found.coefficients[kin]
    tagged = np.full((3, N), np.nan)
    tagged[1, confirmed] = tagged[2, rejected] = 0.5
    plain, sure, denied = found.weigh(tagged)
    assert denied < plain < sure


def test_only_the_given_rows_teach() -> None:
    matrix, owned, owner = planted(3)
    rows = owner < 50
    part = fit_weights(matrix[rows], owned[rows], owner[rows], np.ones(rows.sum(), np.bool_))
    whole = fit_weights(matrix, np.where(rows, owned, ~owned), owner, rows)
    np.testing.assert_array_equal(part.coefficients, whole.coefficients)


@pytest.mark.parametrize("seed", range(10))
def test_the_margin_is_the_least_that_promises_the_precision(seed: int) -> None:
    rng = np.random.default_rng(seed)
    strength = rng.uniform(-0.5, 1.5, size=600)
    right = rng.random(600) < np.clip(0.7 + strength, 0, 1)
    found = choose_margin(strength, right, 3, 0.95)
    for margin in np.arange(round(LIMITS[0] * 100), round(LIMITS[1] * 100) + 1) / 100:
        kept = strength >= margin
        if ((right & kept).sum() / 3 + 1) / (kept.sum() / 3 + 2) >= 0.95:
            assert found == margin
            return
    pytest.fail("no margin reaches the precision")


def test_a_precision_out_of_reach_gives_the_best_margin() -> None:
    strength = np.array([0.2, 0.4, 0.6, 0.8])
    assert choose_margin(strength, np.array([False, False, True, True]), 1, 0.999) == pytest.approx(0.41)
    assert choose_margin(strength, np.ones(4, np.bool_), 1, 0.5) == LIMITS[0]


def data_of(world: World) -> tuple[TrainingTables, pa.Table]:
    clusters, members = world.cluster()
    data = TrainingTables(world.users, clusters, world.indptr, world.friend_rows, EPS, "f" * 64)
    return data, world.labels(members)


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(seed=2, users=80, heavy=0.4)


@pytest.fixture(scope="module")
def trained(world: World) -> Scorer:
    return train_scorer(*data_of(world), provenance={"population": "drawn"})


def test_rounds_learn_that_a_friend_is_not_the_owner(trained: Scorer) -> None:
    distance = tables.EVIDENCE.index("friend_distance")
    assert trained.rounds[0].coefficients[distance] == 0
    assert all(entry.coefficients[distance] > 0.02 for entry in trained.rounds[1:])
    measured = trained.provenance["cross_validated"]
    assert measured[-1]["coverage"] >= measured[0]["coverage"]
    assert measured[-1]["leader_accuracy"] > 0.95
    assert trained.provenance["population"] == "drawn"


def test_a_scorer_is_judged_as_it_was_cross_validated_and_a_wrong_one_worse(world: World, trained: Scorer) -> None:
    data, labels = data_of(world)
    measured = trained.provenance["cross_validated"][-1]
    judged = judge_scorer(data, labels, trained)
    assert judged["leader_accuracy"] >= measured["leader_accuracy"] - 0.05
    assert judged["precision"] >= measured["precision"] - 0.05
    turned = tuple(replace(each, coefficients=-each.coefficients) for each in trained.rounds)
    wrong = judge_scorer(data, labels, replace(trained, rounds=turned))
    assert wrong["leader_accuracy"] < judged["leader_accuracy"] / 2


def test_order_of_rows_changes_no_digit(world: World, trained: Scorer) -> None:
    data, labels = data_of(world)
    mixed = replace(data, users=shuffled(data.users), clusters=shuffled(data.clusters))
    assert train_scorer(mixed, shuffled(labels), provenance={"population": "drawn"}).to_json() == trained.to_json()


def test_users_without_labels_teach_nothing_but_have_profiles(world: World) -> None:
    data, labels = data_of(world)
    some = labels.filter(pa.array(np.asarray(labels["user_id"]) < 500))
    lied = labels.set_column(2, "owner", pa.array(np.asarray(labels["user_id"]) >= 500))
    half = train_scorer(data, some)
    assert half.provenance["labelled_users"] == len(set(some["user_id"].to_pylist()))
    assert half.id != train_scorer(data, lied).id
    assert half.rounds[1].coefficients[tables.EVIDENCE.index("friend_distance")] > 0


def test_too_few_labelled_users_are_refused(world: World) -> None:
    data, labels = data_of(world)
    with pytest.raises(PopulationError, match="a scorer needs"):
        train_scorer(data, labels.slice(0, 10))


def test_the_curve_falls_in_coverage() -> None:
    strength, right = np.random.default_rng(0).uniform(-1, 2, 200), np.ones(200, np.bool_)
    points = margins.curve(strength, right, 1, 200)
    shares = [point["coverage"] for point in points]
    assert shares == sorted(shares, reverse=True)
    assert regression.DECIMALS >= margins.DECIMALS
