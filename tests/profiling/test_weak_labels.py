"""Labels from tags: what they say, what they leave open, and that a scorer learns from them alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from profiling import tables
from profiling.errors import PopulationError
from profiling.training import TrainingTables, train_scorer
from profiling.weak_labels import STATED, weak_labels
from tests.profiling.album_world import EPS, World, draw_world

COLUMNS = ("tags_owner", "tags_confirmed", "tags_rejected")


def clusters(*rows: tuple[int, int, float, float, float]) -> pa.Table:
    """user, cluster, evidence of manual, confirmed and rejected tags; NaN = nobody tagged the owner so."""
    user, number, *evidence = zip(*rows, strict=True)
    columns = {"user_id": pa.array(user, pa.int64()), "cluster": pa.array(number, pa.int16())}
    return pa.table(columns | {n: pa.array(e, pa.float32()) for n, e in zip(COLUMNS, evidence, strict=True)})


def owners(table: pa.Table) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in weak_labels(table).to_pylist():
        found.setdefault(row["user_id"], []).extend([row["cluster"]] * row["owner"])
    return found


NAN = float("nan")


def test_the_cluster_that_tags_name_most_is_the_owners() -> None:
    table = clusters((1, 0, 0.0, NAN, NAN), (1, 1, 0.5, NAN, NAN), (2, 0, 0.5, NAN, NAN), (2, 1, 0.67, NAN, NAN))
    assert owners(table) == {1: [1], 2: [1]}
    assert owners(table.take([3, 0, 2, 1])) == {1: [1], 2: [1]}


def test_what_tags_leave_open_is_no_label() -> None:
    unclear = [(1, 0, 0.5, NAN, NAN), (1, 1, 0.5, NAN, NAN), (2, 0, 0.3, NAN, NAN), (3, 0, NAN, NAN, NAN)]
    assert owners(clusters(*unclear, (4, 0, 0.5, NAN, NAN))) == {4: [0]}
    with pytest.raises(PopulationError, match="--truth"):
        weak_labels(clusters(*unclear))


def test_confirmed_tags_count_double_and_rejected_ones_against() -> None:
    assert owners(clusters((1, 0, 0.67, NAN, NAN), (1, 1, NAN, 0.5, NAN))) == {1: [1]}
    assert owners(clusters((1, 0, 0.67, NAN, 0.5), (1, 1, 0.5, NAN, NAN))) == {1: [1]}


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(seed=3, users=120, heavy=0.3)


def test_a_scorer_learns_from_tags_alone(world: World) -> None:
    found, members = world.cluster()
    true = world.labels(members)
    own = {(row["user_id"], row["cluster"]) for row in true.to_pylist() if row["owner"]}
    labels = weak_labels(found)
    named = [(row["user_id"], row["cluster"]) for row in labels.to_pylist() if row["owner"]]
    assert len(named) >= 20
    assert np.mean([pair in own for pair in named]) > 0.9
    data = TrainingTables(world.users, found, world.indptr, world.friend_rows, EPS, "f" * 64)
    scorer = train_scorer(data, labels, stated=STATED)
    taught = train_scorer(data, true)
    tags = tables.EVIDENCE.index("tags_owner")
    for number, entry in enumerate(scorer.rounds):
        assert entry.coefficients[tags] == pytest.approx(STATED["tags_owner"] * entry.scales[tags], abs=1e-6)
        assert entry.coefficients[tables.EVIDENCE.index("share")] > 0
        assert number == 0 or entry.coefficients[tables.EVIDENCE.index("friend_distance")] > 0
    assert scorer.provenance["data"] != taught.provenance["data"]
    hidden = found.set_column(
        found.column_names.index("tags_owner"),
        "tags_owner",
        pa.array(np.where(np.isnan(np.asarray(found["tags_owner"])), np.nan, 1.0).astype(np.float32)),
    )
    judged = [
        train_scorer(replace(data, clusters=each), labels, stated=STATED).provenance["cross_validated"][0]
        for each in (found, hidden)
    ]
    assert judged[0] == judged[1], "the tags that gave the labels must not judge them"
