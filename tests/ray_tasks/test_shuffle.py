"""The out-of-core shuffle, against a plain grouping of the same rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.errors import LakeError
from ray_tasks.shuffle import Shuffle

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


def table(numbers: list[int]) -> pa.Table:
    return pa.table({"id": numbers, "name": [None if n % 3 == 0 else f"имя {n}" for n in numbers]}, schema=SCHEMA)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 1000), max_size=30), max_size=6),
    st.integers(1, 7),
    st.sampled_from([1, 300, 1 << 20]),
)
def test_every_row_reaches_its_bucket_in_the_order_it_came(batches: list[list[int]], buckets: int, memory: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shuffle = Shuffle(Path(folder), buckets, SCHEMA, memory)
        for batch in batches:
            shuffle.add(table(batch), np.array([n % buckets for n in batch], np.int32))
        shuffle.finish()
        everything = [n for batch in batches for n in batch]
        for bucket in range(buckets):
            mine = [n for n in everything if n % buckets == bucket]
            assert shuffle.read(bucket).equals(table(mine))
            assert shuffle.rows[bucket] == len(mine)


def test_memory_holds_the_budget_and_not_the_rows(tmp_path: Path) -> None:
    shuffle = Shuffle(tmp_path, 8, SCHEMA, memory_bytes=1 << 16)
    before = pa.total_allocated_bytes()
    most = 0
    for start in range(0, 400_000, 1000):
        numbers = np.arange(start, start + 1000)
        rows = pa.table([pa.array(numbers), pa.array([f"name {n}" for n in numbers])], schema=SCHEMA)
        shuffle.add(rows, (numbers % 8).astype(np.int32))
        most = max(most, pa.total_allocated_bytes() - before)
    shuffle.finish()
    assert most < 4 << 16
    assert sum(shuffle.read(bucket).num_rows for bucket in range(8)) == 400_000


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    shuffle = Shuffle(tmp_path, 2, SCHEMA)
    for rows, bucket in ((table([1]), [2]), (table([1]), [-1]), (table([1]), [0, 1]), (pa.table({"id": [1]}), [0])):
        with pytest.raises(ValueError, match="shuffle: "):
            shuffle.add(rows, np.array(bucket, np.int32))
    with pytest.raises(ValueError, match="before finish"):
        shuffle.read(0)
    shuffle.finish()
    with pytest.raises(ValueError, match="after finish"):
        shuffle.add(table([1]), np.zeros(1, np.int32))


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    shuffle = Shuffle(tmp_path / "gone", 2, SCHEMA)
    shuffle.add(table([1]), np.zeros(1, np.int32))
    with pytest.raises(LakeError, match="cannot hold the spilled rows") as caught:
        shuffle.finish()
    assert "\n" not in str(caught.value)


def test_dropping_frees_the_disk(tmp_path: Path) -> None:
    shuffle = Shuffle(tmp_path, 2, SCHEMA)
    shuffle.add(table([1, 2]), np.array([0, 1], np.int32))
    shuffle.finish()
    assert list(tmp_path.iterdir())
    shuffle.drop()
    assert not list(tmp_path.iterdir())
