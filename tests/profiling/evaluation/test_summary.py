"""Every metric against plain loops over small random populations, and by hand where the definition has an edge."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.errors import PopulationError
from profiling.evaluation import evaluate
from profiling.evaluation.uploads import FALSE_POSITIVES, loosest_threshold
from tests.profiling.evaluation.slow_evaluation import SlowEvaluation
from tests.profiling.evaluation.small_world import World, draw_world

SEEDS = range(25)


def counts(share: dict[str, object]) -> tuple[object, object]:
    return share["count"], share["of"]


@pytest.mark.parametrize("split", ["all", "test", "train"])
@pytest.mark.parametrize("seed", SEEDS)
def test_albums_are_judged_as_by_plain_loops(seed: int, split: str) -> None:
    world = draw_world(seed)
    slow = SlowEvaluation(world.generation, world.truth, split)
    found = evaluate(world.generation, world.truth, split)
    users = set(slow.accounts)
    assert found["users"] == len(users)
    for number, row in enumerate(found["rounds"]):
        expected = slow.round(number, users)
        assert {name: counts(row[name]) for name in expected} == expected
        moved = sum(world.generation.profiles[number]["moved"].to_pylist())
        assert counts(row["moved"]) == (moved, world.generation.users.num_rows)
    assert {name: found[name] for name in expected} == {name: row[name] for name in expected}
    assert found["profiles"] == found["precision"]["of"]
    assert counts(found["baseline_largest_cluster"]) == slow.baseline(users)
    assert counts(found["baseline_avatar"]) == slow.avatar(users)
    assert counts(found["cluster_purity"]) == slow.purity()
    assert counts(found["face_recall"]) == (len(slow.person), len(slow.looked_at))
    assert found["unmatched_faces"] == len(slow.faces) - len(slow.person)
    for kind, part in found["by_kind"].items():
        mine = {user for user in users if slow.accounts[user]["kind"] == kind}
        assert part["users"] == len(mine)
        assert {name: counts(part[name]) for name in expected} == slow.round(-1, mine)


@pytest.mark.parametrize("split", ["all", "test"])
@pytest.mark.parametrize("seed", SEEDS)
def test_uploads_are_judged_as_by_plain_loops(seed: int, split: str) -> None:
    world = draw_world(seed)
    expected = SlowEvaluation(world.generation, world.truth, split).uploads(split)
    found = evaluate(world.generation, world.truth, split)
    assert counts(found["tp_at_fp_0.001"]) == expected["tp"]
    assert counts(found["tp_all"]) == expected["all"]
    assert found["strangers"]["tries"] == expected["tries"]
    assert found["strangers"]["faces"] == expected["strangers"]


def test_oracle_is_not_blind() -> None:
    """The random populations hold what the metrics are about; otherwise the tests above would say nothing."""
    found = [evaluate(world.generation, world.truth) for world in map(draw_world, SEEDS)]
    names = ["coverage", "precision", "leader_accuracy", "baseline_largest_cluster", "baseline_avatar"]
    for name in [*names, "tp_at_fp_0.001", "tp_all"]:
        assert sum(row[name]["count"] for row in found) > 10, name
        assert sum(row[name]["of"] - row[name]["count"] for row in found) > 10, name
    assert any(row["tp_all"]["of"] > row["tp_at_fp_0.001"]["of"] for row in found)


def shuffled(world: World, seed: int) -> World:
    rng = np.random.default_rng(seed)

    def mix(table: pa.Table) -> pa.Table:
        return table.take(rng.permutation(table.num_rows))

    generation = world.generation
    names = ("users", "photos", "friends", "seen", "faces", "members", "clusters", "upload_faces")
    mixed = {name: mix(getattr(generation, name)) for name in names}
    rounds = {name: [mix(table) for table in getattr(generation, name)] for name in ("scores", "profiles")}
    truth = replace(world.truth, faces=mix(world.truth.faces), uploads=mix(world.truth.uploads))
    return World(replace(generation, **mixed, **rounds), truth)


@pytest.mark.parametrize("seed", range(4))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    world = draw_world(seed, users=30, uploads=60)
    expected = evaluate(world.generation, world.truth)
    assert expected["strangers"]["tries"] == 200 * expected["strangers"]["faces"]  # so that sets were chosen
    other = shuffled(world, seed)
    assert evaluate(other.generation, other.truth) == expected


def test_strangers_meet_200_candidate_sets_and_at_most_one_in_a_thousand_passes() -> None:
    world = draw_world(11, users=40, uploads=50)
    strangers = evaluate(world.generation, world.truth)["strangers"]
    assert strangers["tries"] == 200 * strangers["faces"]
    assert strangers["enough"]
    assert strangers["passed"] <= strangers["tries"] / 1000


@given(st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.9]), min_size=1, max_size=5), st.integers(1, 900))
def test_threshold_is_the_loosest_at_which_one_try_in_a_thousand_passes(values: list[float], times: int) -> None:
    tries = np.sort(np.repeat(np.array(values, np.float32), times))
    threshold = loosest_threshold(tries)
    assert np.mean(tries < threshold) <= FALSE_POSITIVES < np.mean(tries <= threshold)


def test_result_is_json_and_lacks_nothing_without_uploads() -> None:
    world = draw_world(1)
    found = json.loads(json.dumps(evaluate(replace(world.generation, upload_faces=None), world.truth)))
    assert found["tp_at_fp_0.001"] == {"value": None, "count": 0, "of": 0, "interval": [0.0, 1.0]}
    assert found["strangers"] == {"faces": 0, "tries": 0, "threshold": None, "passed": 0, "enough": False}


def test_truth_of_another_population_is_refused() -> None:
    with pytest.raises(PopulationError, match="the lake holds none of these users"):
        evaluate(draw_world(1).generation, draw_world(2).truth)
