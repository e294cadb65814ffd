"""What a lake's tables look like without the people who asked to be forgotten: the one place that knows it.

Tables with a row for every user keep the row, blank, as that of a user without consent, because row numbers count;
from all others the person's rows go. It holds for what is read, for what is committed, and for what is erased.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from profiling.places import Place, parquet_source
from profiling.tables import NO_CLUSTER
from profiling.vectors import pack_vectors, unpack_vectors
from ray_tasks.ledger import Ledger, read_ledger

if TYPE_CHECKING:
    from ray_tasks.lake import Lake, Manifest

Photos = Callable[[], npt.NDArray[np.int64]]  # sorted ids of the photos of forgotten owners

KEYS = ("user_id", "owner_id")  # whoever stands in one of these is who the row is about
BY_PHOTO = ("seen", "faces", "looked", "viral")  # tables that name photos, not owners
BROKEN = "quarantine_"  # tables of rows that were refused
BROKEN_KEYS = ("user_id", "owner_id", "user_a", "user_b")
OTHERS_PHOTOS = "uploads-"  # stages whose photos are no albums' photos
BLANK: dict[str, dict[str, Any]] = {  # tables with a row for every user: what is not null in a blank one
    "users": {"consent": False},
    "people": {},
    "profiles": {
        "reason": "no_consent",
        "leader": NO_CLUSTER,
        "second": NO_CLUSTER,
        "best": NO_CLUSTER,
        "weight": float("nan"),
        "margin": float("nan"),
        "faces": 0,
        "moved": False,
        "margin_fell": False,
        "lost": NO_CLUSTER,
        "losses": 0,
    },
}
KEPT = ("user_id", "row")  # of a blank row


class Hiding:
    """Leaves the forgotten out of what one piece of work reads or writes, by the ledger as it was when it began."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._ledger: Ledger | None = None
        self._photos: dict[tuple[int, int], npt.NDArray[np.int64]] = {}

    @property
    def ledger(self) -> Ledger:
        """Who is left out: the same people until `look_again`, so that tables of one piece of work fit each other."""
        if self._ledger is None:
            self._ledger = read_ledger(self._lake.folder)
        return self._ledger

    def look_again(self) -> bool:
        """Go on with the ledger as it is now; whether it is another one."""
        before, self._ledger = self._ledger, read_ledger(self._lake.folder)
        if before is not None and before.version != self._ledger.version:
            self._photos.clear()
        return before is not None and before.version != self._ledger.version

    def hide(self, stage: str, bucket: int, name: str, rows: pa.Table) -> pa.Table:
        """Table `name` of a stage's bucket."""
        return hide(stage, name, rows, self.ledger, lambda: self.photos(bucket))

    def read(self, manifest: Manifest, name: str, columns: Sequence[str] | None) -> list[pa.Table]:
        """The files of a committed table."""
        about = (manifest.stage, name, columns, self.ledger, lambda: self.photos(manifest.bucket))
        return [read_hiding(self._lake.folder / path, *about) for path in manifest.files[name]]

    def photos(self, bucket: int) -> npt.NDArray[np.int64]:
        """Sorted ids of the photos of a bucket's forgotten owners, as far as partitions still hold them."""
        partitions = self._lake.results("partition", bucket)
        key = (bucket, len(partitions))
        if key not in self._photos:
            found = [np.zeros(0, np.int64)]
            for path in (path for each in partitions for path in each.files["photos"]):
                rows = read_raw(self._lake.folder / path, ["photo_id", "owner_id"])
                found.append(rows["photo_id"].to_numpy()[self.ledger.holds(rows["owner_id"].to_numpy())])
            self._photos[key] = np.unique(np.concatenate(found))
        return self._photos[key]


def hide(stage: str, name: str, rows: pa.Table, ledger: Ledger, photos: Photos) -> pa.Table:
    """Table `name` of a stage without the forgotten; the table itself when it holds nobody of them."""
    gone = rows_of_forgotten(stage, name, rows, ledger, photos)
    if not gone.any():
        return rows
    return _blank(rows, gone, BLANK[name]) if name in BLANK else rows.filter(pa.array(~gone))


def rows_of_forgotten(stage: str, name: str, rows: pa.Table, ledger: Ledger, photos: Photos) -> npt.NDArray[np.bool_]:
    """Which rows of a table, or of some columns of it, tell of the forgotten; rows that are blank tell nothing."""
    gone = np.zeros(len(rows), np.bool_)
    if not ledger.version:
        return gone
    if name in BLANK:
        gone = ledger.holds(_ids(rows, "user_id"))
        return gone & ~_are_blank(rows, BLANK[name]) if gone.any() else gone
    if name.startswith(BROKEN):
        return _broken(rows, ledger, photos)
    for key in KEYS:
        if _keyed(rows.schema, key):
            gone |= ledger.holds(_ids(rows, key))
    if name in BY_PHOTO and not stage.startswith(OTHERS_PHOTOS):
        gone |= np.isin(_ids(rows, "photo_id"), photos())
    return gone


def needed_columns(name: str, schema: pa.Schema) -> list[str] | None:
    """The columns that `rows_of_forgotten` looks at; None = all."""
    if name in BLANK or name.startswith(BROKEN):
        return None
    return [key for key in (*KEYS, "photo_id") if _keyed(schema, key)]


def read_hiding(
    path: Place, stage: str, name: str, columns: Sequence[str] | None, ledger: Ledger, photos: Photos
) -> pa.Table:
    """Read a file of a table, or some columns of it, without the forgotten."""
    if columns is None or not ledger.version:
        return hide(stage, name, read_raw(path, columns), ledger, photos)
    schema = pq.read_schema(parquet_source(path, whole=False))
    needed = [key for key in (*KEYS, "photo_id") if _keyed(schema, key)]
    found = hide(stage, name, read_raw(path, list(dict.fromkeys([*columns, *needed]))), ledger, photos)
    return found.select(list(columns))


def read_raw(path: Place, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a file of a table as it lies there.

    By `ParquetFile`, for `read_table` imports pyarrow.dataset and with it pandas: half a second in every worker.
    """
    near = isinstance(path, Path)  # on a disk reading ahead, and threads besides the one CPU of a task, only cost time
    with pq.ParquetFile(parquet_source(path, whole=columns is None), pre_buffer=not near) as file:
        if columns is None:
            return file.read(use_threads=not near)
        return file.read(list(columns), use_threads=not near).select(list(columns))


def _keyed(schema: pa.Schema, key: str) -> bool:
    return key in schema.names and pa.types.is_int64(schema.field(key).type)


def _ids(rows: pa.Table, key: str) -> npt.NDArray[np.int64]:
    return np.asarray(rows[key].combine_chunks(), np.int64)


def _broken(rows: pa.Table, ledger: Ledger, photos: Photos) -> npt.NDArray[np.bool_]:
    """Rows of quarantine: their ids are words, as they were found."""
    gone = np.zeros(len(rows), np.bool_)
    if not len(rows):
        return gone
    people = pa.array([str(user) for user in ledger.users.tolist()], pa.string())
    pictures = pa.array([str(photo) for photo in photos().tolist()], pa.string())
    for key in (*BROKEN_KEYS, "photo_id"):
        if key in rows.schema.names:
            words = pc.utf8_trim_whitespace(rows[key].combine_chunks().cast(pa.string()))
            found = pc.is_in(words, value_set=pictures if key == "photo_id" else people)
            gone |= np.asarray(found.fill_null(False), np.bool_)
    return gone


def _are_blank(rows: pa.Table, values: dict[str, Any]) -> npt.NDArray[np.bool_]:
    blank = np.ones(len(rows), np.bool_)
    for field in rows.schema:
        if field.name not in KEPT:
            column, value = rows[field.name].combine_chunks(), values.get(field.name)
            if value is None:
                same = column.is_null()
            elif value != value:
                same = pc.is_nan(column)
            else:
                same = pc.equal(column, pa.scalar(value, field.type))
            blank &= np.asarray(same.fill_null(False), np.bool_)
    return blank


def _blank(rows: pa.Table, gone: npt.NDArray[np.bool_], values: dict[str, Any]) -> pa.Table:
    mask = pa.array(gone)
    for place, field in enumerate(rows.schema):
        if field.name not in KEPT:
            column = rows[field.name].combine_chunks()
            if pa.types.is_fixed_size_binary(field.type):
                column = _without(column, gone)
            else:
                column = pc.if_else(mask, pa.scalar(values.get(field.name), field.type), column)
            rows = rows.set_column(place, field, column)
    return rows


def _without(column: pa.Array, gone: npt.NDArray[np.bool_]) -> pa.Array:
    """Fixed-width binary values with some null, their bytes zeros."""
    values = unpack_vectors(column).copy()
    values[gone] = 0
    return pack_vectors(values, np.asarray(column.is_valid(), np.bool_) & ~gone)
