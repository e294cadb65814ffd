"""Between two generations every user is counted once: kept, moved, replaced, lost, withdrawn or gained."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from profiling.audit.change import COUNTS, Before, Change, compare, summarise
from profiling.vectors import pack_vectors

DIM = 8


def profiles(rows: dict[int, tuple[str, int, int]], angle: float = 0.0) -> pa.Table:
    """user -> (reason, axis of the profile, axis of the second one or -1); `angle` turns all profiles a little."""
    axes = np.eye(DIM) * np.cos(angle) + np.roll(np.eye(DIM), 1, axis=1) * np.sin(angle)
    found = {"user_id": list(rows), "reason": [row[0] for row in rows.values()]}
    for column, place in (("profile", 1), ("second_profile", 2)):
        chosen = np.array([row[place] for row in rows.values()])
        there = (chosen >= 0) & np.array([row[0] == "ok" for row in rows.values()])
        found[column] = pack_vectors(axes[chosen], there)
    return pa.table(found)


THEN = {1: ("ok", 0, -1), 2: ("ok", 1, 2), 3: ("ok", 3, -1), 4: ("no_margin", 0, -1), 5: ("ok", 4, -1),
        6: ("ok", 5, -1), 9: ("ok", 6, -1)}  # fmt: skip
NOW = {7: ("ok", 1, -1), 6: ("no_consent", 0, -1), 5: ("no_margin", 0, -1), 4: ("ok", 2, -1), 3: ("ok", 6, -1),
       2: ("ok", 2, -1), 1: ("ok", 0, -1)}  # fmt: skip


def counts(now: pa.Table, then: pa.Table, comparable: bool = True) -> dict[str, int]:
    return compare(now, Before(then, comparable, 0.999, 0.3))


def test_every_fate_is_counted() -> None:
    found = counts(profiles(NOW), profiles(THEN))
    assert list(found) == list(COUNTS)
    assert found == {
        "common": 6, "had": 5, "kept": 3, "moved": 0, "replaced": 1, "lost": 1, "withdrawn": 1, "gained": 1,
        "new_users": 1, "gone_users": 1,
    }  # fmt: skip
    shares = summarise(found, Change("g1", 5.0))
    assert shares["lost_share"] == pytest.approx(1 / 4)
    assert shares["replaced_share"] == pytest.approx(1 / 3)


def test_the_same_face_a_little_elsewhere_has_moved() -> None:
    found = counts(profiles(NOW, angle=0.2), profiles(THEN))
    assert (found["moved"], found["replaced"]) == (2, 1)


def test_vectors_of_two_networks_are_never_compared() -> None:
    found = counts(profiles(NOW), profiles(THEN), comparable=False)
    assert (found["kept"], found["moved"], found["replaced"]) == (3, 0, 0)


def test_a_first_generation_loses_nobody() -> None:
    found = counts(profiles(NOW), profiles(THEN).slice(0, 0))
    assert (found["common"], found["new_users"], found["lost"]) == (0, len(NOW), 0)
    assert summarise(found, Change("g1", 5.0))["lost_share"] is None
