"""Bring rows that belong together into one place, however many there are: an out-of-core shuffle.

Rows are kept in memory until a budget is full, then sorted by bucket and written as one *run*: an Arrow file with one
record batch for each bucket that has rows. Reading a bucket picks its batch out of every run. So memory is bounded by
the budget and one bucket, and the number of open files by one, whatever the size of the population.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.errors import LakeError

MEMORY_BYTES = 48 << 20  # held before a run is written; while it is sorted, twice this is in use
_NONE = -1


class Shuffle:
    """Rows of one schema on their way to their buckets: `add` any number of times, `finish` once, then `read`.

    Parameters
    ----------
    folder : an existing folder for the runs; no other shuffle may use it.
    buckets : how many there are.
    schema : of the rows.
    memory_bytes : rows held before they are written out.
    """

    def __init__(self, folder: Path, buckets: int, schema: pa.Schema, memory_bytes: int = MEMORY_BYTES) -> None:
        self.rows: npt.NDArray[np.int64] = np.zeros(buckets, np.int64)
        self._folder, self._buckets, self._schema, self._memory_bytes = folder, buckets, schema, memory_bytes
        self._held: list[tuple[pa.Table, npt.NDArray[np.int32]]] = []
        self._held_bytes = 0
        self._runs: list[tuple[Path, npt.NDArray[np.int32]]] = []
        self._finished = False

    def add(self, rows: pa.Table, bucket: npt.NDArray[np.int32]) -> None:
        """Send rows to their buckets.

        Parameters
        ----------
        rows : table of this shuffle's schema.
        bucket : int32 [rows], 0 to buckets - 1.

        Raises
        ------
        ValueError
            Another schema, another length, or a bucket out of range.
        LakeError
            The disk is full.
        """
        if self._finished or rows.schema != self._schema or len(rows) != len(bucket):
            raise ValueError("shuffle: rows of another schema or length, or added after finish()")
        if not len(rows):
            return
        if bucket.min() < 0 or bucket.max() >= self._buckets:
            raise ValueError(f"shuffle: a bucket outside 0 to {self._buckets - 1}")
        self.rows += np.bincount(bucket, minlength=self._buckets)
        self._held.append((rows, bucket))
        self._held_bytes += rows.nbytes
        if self._held_bytes >= self._memory_bytes:
            self._write_run()

    def finish(self) -> None:
        """No more rows will come: from now on buckets can be read."""
        self._write_run()
        self._finished = True

    def read(self, bucket: int) -> pa.Table:
        """All rows of a bucket, in the order in which they were added."""
        if not self._finished:
            raise ValueError("shuffle: read before finish()")
        batches = []
        for path, places in self._runs:
            if places[bucket] != _NONE:
                with pa.OSFile(str(path)) as file:
                    batches.append(pa.ipc.open_file(file).get_batch(int(places[bucket])))
        return pa.Table.from_batches(batches, self._schema).combine_chunks()

    def drop(self) -> None:
        """Free the disk; nothing can be read any more."""
        for path, _ in self._runs:
            path.unlink(missing_ok=True)
        self._runs, self._finished = [], False

    def _write_run(self) -> None:
        if self._held:
            rows = pa.concat_tables([table for table, _ in self._held])
            bucket = np.concatenate([index for _, index in self._held])
            self._held, self._held_bytes = [], 0
            self._write_sorted(rows.take(pa.array(np.argsort(bucket, kind="stable"))).combine_chunks(), bucket)
            del rows
            pa.default_memory_pool().release_unused()  # else the allocator keeps several budgets' worth of free pages

    def _write_sorted(self, rows: pa.Table, bucket: npt.NDArray[np.int32]) -> None:
        counts = np.bincount(bucket, minlength=self._buckets)
        ends = np.cumsum(counts)
        path = self._folder / f"run-{len(self._runs):06d}.arrow"
        places = np.full(self._buckets, _NONE, np.int32)
        number = itertools.count()
        try:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, self._schema, options=_OPTIONS) as writer:
                for index in np.flatnonzero(counts):
                    writer.write_table(rows.slice(ends[index] - counts[index], counts[index]))
                    places[index] = next(number)
        except OSError as error:
            what = f"cannot hold the spilled rows ({error.strerror or error})"
            raise LakeError(f"{self._folder}: {what}; free space and run again") from None
        self._runs.append((path, places))


_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")  # halves the spill at some GB/s
