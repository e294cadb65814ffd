"""The tables of the benchmark: every network, rule, kind and population stands in them, with the counted shares."""

from __future__ import annotations

from typing import Any

import pytest

from profiling.evaluation import assess, pool, share
from profiling.evaluation.quality_table import POOLED, draw_tables, show
from tests.profiling.evaluation.small_world import draw_world


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    networks: dict[str, Any] = {}
    for first, network in enumerate(("one", "two")):
        parts = {}
        for place, name in enumerate("AB"):
            world = draw_world(10 * first + place, users=12, uploads=30)
            parts[name] = assess(world.generation, world.truth)
        networks[network] = {name: part.metrics for name, part in parts.items()} | {POOLED: pool(list(parts.values()))}
    return networks


def rows(text: str) -> list[list[list[str]]]:
    """Cells of each table, heads left out."""
    tables = [block.splitlines()[2:] for block in text.split("\n\n") if block.startswith("|")]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in table] for table in tables]


def test_tables_hold_what_was_counted(found: dict[str, Any]) -> None:
    rules, kinds, populations = rows(draw_tables(found))
    assert [row[0] for row in rules if row[0]] == list(found)
    pooled = found["two"][POOLED]
    largest, avatar, alone, *_, last = rules[len(rules) // 2 :]
    assert largest[2] == show(pooled["baseline_largest_cluster"])
    assert avatar[2] == show(pooled["baseline_avatar"])
    assert alone[2:] == [show(pooled["rounds"][0][name]) for name in ("leader_accuracy", "precision", "coverage")]
    assert last[2:] == [show(pooled[name]) for name in ("leader_accuracy", "precision", "coverage")]
    assert sum(int(row[2]) for row in kinds[: len(kinds) // 2]) == found["one"][POOLED]["users"]
    assert [row[1] for row in populations] == ["A", "B", POOLED] * 2
    assert populations[1][4] == show(found["one"]["B"]["tp_at_fp_0.001"])
    assert all(len(row) == len(table[0]) for table in (rules, kinds, populations) for row in table)


def test_shares_are_shown_with_their_interval() -> None:
    assert show(share(95, 100)) == "95.0 % (88.8–97.8)"
    assert show(share(0, 0)) == "–"
