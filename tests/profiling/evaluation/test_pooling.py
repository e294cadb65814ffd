"""Pooled shares against counts over all populations, and the one threshold of all uploads against its definition."""

from __future__ import annotations

import json

import numpy as np
import pytest

from profiling.evaluation import Assessment, assess, pool
from profiling.evaluation.pooling import ALBUM_SHARES, ROUND_SHARES
from tests.profiling.evaluation.small_world import draw_world

UPLOADS = ("tp_at_fp_0.001", "tp_all", "wrong_at_fp_0.001", "upload_face_recall", "strangers", "unmatched_upload_faces")


def assessed(seed: int, split: str = "all") -> Assessment:
    world = draw_world(seed, users=20, uploads=40)
    return assess(world.generation, world.truth, split)


def test_one_population_pooled_is_itself() -> None:
    alone = assessed(3)
    pooled = pool([alone])
    for name in ("users", "profiles", "users_with_profile", "face_recall", *ALBUM_SHARES, *UPLOADS):
        assert pooled[name] == alone.metrics[name], name
    for kind, part in pooled["by_kind"].items():
        assert part == alone.metrics["by_kind"][kind]


def test_counts_add_up_whatever_the_order() -> None:
    parts = [assessed(seed, split) for seed, split in ((1, "all"), (2, "test"), (3, "train"))]
    pooled = pool(parts)
    for name in ALBUM_SHARES:
        for count in ("count", "of"):
            assert pooled[name][count] == sum(part.metrics[name][count] for part in parts)
            assert pooled[name][count] == sum(kind[name][count] for kind in pooled["by_kind"].values())
    assert {name: pooled[name] for name in ROUND_SHARES} == {name: pooled["rounds"][-1][name] for name in ROUND_SHARES}
    assert pool(parts[::-1]) == pooled
    json.dumps(pooled)


def test_a_settled_population_counts_with_its_last_round() -> None:
    short, long = draw_world(5, rounds=1), draw_world(6, rounds=3)
    parts = [assess(world.generation, world.truth) for world in (short, long)]
    last = pool(parts)["rounds"][2]["precision"]
    expected = [part.metrics["rounds"][-1]["precision"]["count"] for part in parts]
    assert last["count"] == sum(expected)


def test_one_threshold_lets_one_of_a_thousand_tries_of_all_pass() -> None:
    parts = [assessed(seed) for seed in range(4)]
    pooled = pool(parts)
    tries = np.concatenate([part.recognition.tries for part in parts])
    threshold = np.float32(pooled["strangers"]["threshold"])
    assert np.mean(tries < threshold) <= 0.001 < np.mean(tries <= threshold)
    hits = sum(int(np.sum(part.recognition.right & (part.recognition.distance < threshold))) for part in parts)
    assert pooled["tp_at_fp_0.001"]["count"] == hits
    own = [part.metrics["strangers"]["threshold"] for part in parts]
    assert min(own) <= threshold <= max(own)


def test_a_split_is_judged_with_the_strangers_of_all_uploads() -> None:
    both, test = assessed(7), assessed(7, "test")
    assert test.recognition.strangers == both.recognition.strangers > 0
    assert len(test.recognition.detected) < len(both.recognition.detected)


def test_nothing_cannot_be_pooled() -> None:
    with pytest.raises(ValueError, match="no assessment"):
        pool([])
