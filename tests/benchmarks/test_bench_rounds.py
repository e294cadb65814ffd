"""The benchmark of rounds at a tiny size: the simulated lake is one that the score stage runs on, and gets right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console


@pytest.mark.slow
def test_rounds_run_on_a_simulated_lake_and_find_its_owners(tmp_path: Path) -> None:
    import bench_rounds
    from simulator import Simulation

    rows = bench_rounds.measure(Simulation(tmp_path, 600, 2), Console(quiet=True), cold=False)
    by_case = {row["case"].split(", ", 1)[1]: row for row in rows}
    full, nightly = by_case["round 1, full"], by_case["round 1, 1 % changed"]
    assert full["right_leaders"] > 0.9
    assert full["precision"] > 0.95
    assert full["scored"] == 600
    assert 0 < nightly["scored"] < 600
    assert by_case["round 1, nothing changed"]["scored"] == 0


def test_friendships_are_mutual_reach_over_all_buckets_and_are_cut(tmp_path: Path) -> None:
    import simulated_network

    network = simulated_network.Network(3_000, 4, 1, tmp_path)
    pairs, counts = set(), []
    for bucket in range(4):
        indptr, friends = network.friends(bucket)
        counts.append(np.diff(indptr))
        rows = np.repeat(np.arange(*network.firsts[bucket : bucket + 2]), counts[-1])
        pairs |= set(zip(rows.tolist(), friends.tolist(), strict=True))
        reached = np.searchsorted(network.firsts, friends, side="right") - 1
        assert np.bincount(reached, minlength=4).min() > len(friends) / 6
    found = np.concatenate(counts)
    assert found.max() == simulated_network.KEPT_FRIENDS
    assert 50 < found.mean() < 100
    full = {row for row, count in enumerate(found) if count == found.max()}
    assert all((b, a) in pairs for a, b in pairs if b not in full)


def test_faces_are_as_far_apart_as_those_measured() -> None:
    from face_spread import QUANTILES, distances
    from simulated_albums import FACES_FILE, FaceModel

    model, rng = FaceModel(), np.random.default_rng(0)
    people = np.repeat(model.people(0, 400, 1), 6, axis=0)
    vectors = model.centroids(people, np.ones(len(people), int), rng).astype(float)
    found = distances(
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.repeat(np.arange(400), 6), pairs=80_000
    )
    measured = json.loads(FACES_FILE.read_text())["distances"]
    middle = QUANTILES.index(0.5)
    for pairs in ("one person", "two people"):
        assert found[pairs][middle] == pytest.approx(measured[pairs][middle], rel=0.15)
    assert found["one person"][-2] < found["two people"][1]
