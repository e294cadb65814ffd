"""Non-maximum suppression keeps what the textbook's loop keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.detection import suppression
from profiling.detection.suppression import best_first, suppress
from tests.profiling.detection.slow_mtcnn import suppress_slowly


def random_boxes(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole-number boxes on a small field, so that ties and equal boxes happen, with few different scores."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 30, (count, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 20, (count, 2))], axis=1).astype(np.float32)
    return boxes, rng.integers(0, 8, count).astype(np.float32) / 8


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 60), over=st.sampled_from(["union", "smaller"]))
def test_keeps_what_the_slow_loop_keeps(seed: int, count: int, over: str) -> None:
    boxes, scores = random_boxes(seed, count)
    kept = suppress(boxes, scores, 0.45, over)  # type: ignore[arg-type]
    assert kept.tolist() == suppress_slowly(boxes.tolist(), scores, 0.45, over == "smaller")


def test_more_boxes_than_one_block_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes, scores = random_boxes(1, 700)
    whole = suppress(boxes, scores, 0.5)
    monkeypatch.setattr(suppression, "ROWS_AT_ONCE", 7)
    assert suppress(boxes, scores, 0.5).tolist() == whole.tolist() == suppress_slowly(boxes.tolist(), scores, 0.5)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_twice_is_once(seed: int) -> None:
    boxes, scores = random_boxes(seed, 40)
    kept = suppress(boxes, scores, 0.3)
    assert suppress(boxes[kept], scores[kept], 0.3).tolist() == list(range(len(kept)))


def test_best_first_breaks_ties_by_the_order_given() -> None:
    scores = np.array([0.5, 0.9, 0.5, 0.9, 0.1], np.float32)
    assert best_first(scores).tolist() == [1, 3, 0, 2, 4]
    assert best_first(scores, 3).tolist() == [1, 3, 0]
