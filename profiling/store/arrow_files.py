"""One bucket of a segment as an Arrow file: sorted, memory-mapped, looked up without copying."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.errors import StoreError
from profiling.small_files import flush_folder, write_exclusively
from profiling.store.records import Counts, StoredProfile
from profiling.store.rows import count_rows

Number = TypeVar("Number", bound=np.generic)


def write_bucket(path: Path, rows: pa.Table) -> Counts:
    """Write sorted rows once; a file that is there stays, and its counts are returned.

    Raises
    ------
    StoreError
        The disk is full, or the folder cannot be written: no file was left.
    """
    counts = count_rows(rows)
    about = {b"users": b"%d" % counts.users, b"rows": b"%d" % counts.rows}
    schema = rows.schema.with_metadata(about)

    def write(file: BinaryIO) -> None:
        with pa.ipc.new_file(file, schema) as sink:
            sink.write_table(rows.combine_chunks())

    try:
        if write_exclusively(path, write):
            flush_folder(path.parent)
            return counts
    except OSError as error:
        raise StoreError(f"{path.parent}: cannot be written ({error.strerror}); free space and run again") from None
    return stated_counts(path)


def stated_counts(path: Path) -> Counts:
    """What was written, as the file's header says."""
    with _mapped(path) as source:
        about = _open(path, source).schema.metadata
        return Counts(int(about[b"users"]), int(about[b"rows"]))


class BucketFile:
    """The rows of one bucket. Nothing is read before it is asked for; pages are shared by all processes of a host.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """

    def __init__(self, path: Path, segment: int) -> None:
        self.segment = segment
        with _mapped(path) as source:  # what was read stays mapped when the file is closed
            file = _open(path, source)
            table = file.read_all()
        self.rows = table.combine_chunks()
        names = {name: self.rows[name].chunk(0) for name in self.rows.column_names} if len(self.rows) else {}
        self._ids = (view(names["user_id"], np.int64) if names else np.zeros(0, np.int64)).data
        if names:
            self._reasons = names["reason"].dictionary.to_pylist()
            # one element of a memoryview is a number of Python's, and a third as dear as one of an array
            self._reason = view(names["reason"].indices, np.int8).data
            self._cluster, self._faces = view(names["cluster"], np.int16).data, view(names["faces"], np.int32).data
            self._weight, self._margin = (view(names[name], np.float32).data for name in ("weight", "margin"))
            self._vectors = np.frombuffer(names["vector"].buffers()[1], "<f2").reshape(len(self.rows), -1)

    def find(self, user: int) -> StoredProfile | None:
        """The user's answer, its vectors a view of the file; None when this segment does not know the user."""
        ids = self._ids
        place = bisect_left(ids, user)
        if place == len(ids) or ids[place] != user:
            return None
        end = place + 1
        if end < len(ids) and ids[end] == user:
            end += 1
        reason = self._reasons[self._reason[place]]
        if reason != "ok":
            end = place
        return StoredProfile(
            user,
            reason,
            self._vectors[place:end],
            tuple(self._cluster[place:end].tolist()),
            self._weight[place],
            self._margin[place],
            self._faces[place],
            self.segment,
        )

    def count(self) -> Counts:
        """Users and rows, counted."""
        return count_rows(self.rows)


def _mapped(path: Path) -> pa.MemoryMappedFile:
    try:
        return pa.memory_map(str(path))
    except OSError:
        raise StoreError(f"{path}: is missing; roll back, or publish the generation again with --base") from None


def _open(path: Path, source: pa.MemoryMappedFile) -> pa.ipc.RecordBatchFileReader:
    try:
        return pa.ipc.open_file(source)
    except pa.ArrowInvalid:
        raise StoreError(f"{path}: is damaged; roll back, or publish the generation again with --base") from None


def view(column: pa.Array, dtype: type[Number]) -> npt.NDArray[Number]:
    """The numbers of a column without nulls, where they lie. (`numpy.asarray` would load pandas first: 30 MB.)"""
    return np.frombuffer(column.buffers()[1], dtype)[column.offset : column.offset + len(column)]
