"""Stories that contradict themselves are refused where they are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.profiling.report.drawn_report import make_story


def test_arrays_of_different_lengths_are_refused() -> None:
    story = make_story((3,), loose=1)
    with pytest.raises(ValueError, match=r"story of user 7: arrays of lengths \[3, 4\]"):
        replace(story, labels=story.labels[:3])


def test_too_many_faces_are_refused() -> None:
    with pytest.raises(ValueError, match="101 faces, at most 100 are shown"):
        make_story((101,), loose=0)


def test_thumbnails_of_another_size_are_refused() -> None:
    story = make_story((3,), loose=1)
    with pytest.raises(ValueError, match="not 72x72x3"):
        replace(story, crops=np.zeros((4, 70, 72, 3), np.uint8))
