"""Which generations go: a table of cases, and that nobody's readers lose theirs."""

from __future__ import annotations

import pytest

from profiling.store.planning import choose_parent
from profiling.store.records import DROPPED, READY, WRITING, Head, StoredGeneration
from profiling.store.retention import DAY_S, Retention, expired

NOW = 100 * DAY_S


def record(number: int, state: str = READY, days: float = 50, replaced: int | None = None) -> StoredGeneration:
    return StoredGeneration(number, f"g{number}", "m", 4, (number,), 4, state, NOW - days * DAY_S, replaced=replaced)


def numbers(found: list[StoredGeneration]) -> list[int]:
    return [each.number for each in found]


@pytest.mark.parametrize(
    ("retention", "gone"),
    [
        (Retention(newest=1, days=0, grace_s=60), [1, 3, 4]),
        (Retention(newest=2, days=0, grace_s=60), [1, 3]),
        (Retention(newest=3, days=0, grace_s=60), [1]),
        (Retention(newest=1, days=60, grace_s=60), []),
        (Retention(newest=1, days=0, grace_s=7200), []),
    ],
)
def test_old_ones_go_but_not_the_active_nor_what_it_replaced(retention: Retention, gone: list[int]) -> None:
    known = [record(1), record(2), record(3), record(4), record(5, replaced=2)]
    assert numbers(expired(known, Head(5, NOW - 3600), retention, NOW)) == gone


def test_an_unfinished_publish_goes_when_a_later_one_is_active() -> None:
    known = [record(1, WRITING), record(2), record(3, WRITING), record(4, DROPPED)]
    assert numbers(expired(known, Head(2, NOW - 3600), Retention(grace_s=60), NOW)) == [1]


def test_nothing_goes_before_anything_is_active() -> None:
    assert expired([record(1), record(2, WRITING)], Head(), Retention(0, 0, 0), NOW) == []


def test_a_delta_needs_the_active_parent_of_the_same_model() -> None:
    active = record(1)
    assert choose_parent(active, "m", 4, {"g1"}, 14) == active
    assert choose_parent(None, "m", 4, {"g1"}, 14) is None
    assert choose_parent(active, "other", 4, {"g1"}, 14) is None
    assert choose_parent(active, "m", 8, {"g1"}, 14) is None
    assert choose_parent(active, "m", 4, {"g2"}, 14) is None
    long = StoredGeneration(15, "g15", "m", 4, tuple(range(1, 16)), 4, READY, NOW)
    assert long.deltas == 14
    assert choose_parent(long, "m", 4, {"g15"}, 14) is None
    assert choose_parent(long, "m", 4, {"g15"}, 15) == long
