"""Which faces are shown: some of every cluster, in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from profiling.report.ordering import in_turn

labels = st.lists(st.integers(-1, 5), max_size=60).map(np.array).map(lambda row: row.astype(np.int16))


@given(labels, st.integers(0, 70))
def test_every_cluster_is_shown_as_evenly_as_it_can_be(row: np.ndarray, limit: int) -> None:
    kept = in_turn(row, limit)
    assert len(kept) == len(set(kept.tolist())) == min(limit, len(row))
    shown = {label: int((row[kept] == label).sum()) for label in np.unique(row)}
    for label, count in shown.items():
        assert count == (row == label).sum() or count >= max(shown.values()) - 1


@given(labels, st.integers(0, 70))
def test_leaders_come_first_and_loose_faces_last(row: np.ndarray, limit: int) -> None:
    kept = in_turn(row, limit, first=(3, 1))
    rank = {3: -2, 1: -1, -1: 99}
    order = [(rank.get(int(row[k]), int(row[k])), int(k)) for k in kept]
    assert order == sorted(order)
    assert len(in_turn(row, limit, first=(-1, -1))) == len(kept)
