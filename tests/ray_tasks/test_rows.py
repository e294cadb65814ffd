"""Rows of the whole population: written once, in pieces, read as a map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from profiling.errors import LakeError
from ray_tasks.lake import Lake
from ray_tasks.rows import open_rows, rows_path, write_rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", 2)


def test_pieces_become_one_memory_map(lake: Lake) -> None:
    whole = np.arange(24, dtype=np.float16).reshape(6, 2, 2)
    write_rows(lake, "profiles", "f", whole.shape, np.float16, iter([whole[:1], whole[1:1], whole[1:]]))
    found = open_rows(lake, "profiles", "f")
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, whole)


def test_rows_that_are_there_are_not_computed_again(lake: Lake) -> None:
    write_rows(lake, "r", "f", (2,), np.int32, [np.array([1, 2])])
    write_rows(lake, "r", "f", (2,), np.int32, (1 / 0 for _ in range(1)))  # type: ignore[misc]
    assert open_rows(lake, "r", "f").tolist() == [1, 2]


def test_pieces_that_do_not_add_up_leave_nothing(lake: Lake) -> None:
    with pytest.raises(LakeError, match="1 rows instead of 2"):
        write_rows(lake, "r", "f", (2,), np.int32, [np.array([1])])
    assert list((lake.folder / "rows").iterdir()) == []


def test_no_rows_are_rows_too(lake: Lake) -> None:
    write_rows(lake, "r", "f", (0,), np.int32, [])
    assert open_rows(lake, "r", "f").shape == (0,)


def test_missing_rows_are_one_line(lake: Lake) -> None:
    with pytest.raises(LakeError, match="missing or damaged"):
        open_rows(lake, "r", "f")
    rows_path(lake, "r", "f").parent.mkdir(exist_ok=True)
    rows_path(lake, "r", "f").write_bytes(b"nonsense")
    with pytest.raises(LakeError, match="missing or damaged"):
        open_rows(lake, "r", "f")
