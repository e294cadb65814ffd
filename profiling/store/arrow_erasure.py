"""Physical erasure in the embedded store: touched files are written anew and take the place of the old ones."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.hashing import splitmix64
from profiling.small_files import flush_folder
from profiling.store.arrow_files import BucketFile, write_bucket
from profiling.store.erasure import StoreErasure
from profiling.store.records import READY, Counts

if TYPE_CHECKING:
    from profiling.store.arrow_store import ArrowStore

REMAINS = "backups and snapshots of the file system under {folder}, if any are made: end them where they are kept"


def erase(store: ArrowStore, users: npt.NDArray[np.int64]) -> StoreErasure:
    """Remove users from the files of all segments, listed or not, and let readers open them anew.

    Twice is once: a call that is killed leaves each file old or new, whole, and the next one goes on.
    """
    touched: dict[int, int] = {}  # rows, by segment
    for segment, path in _files(store, users):
        rows = BucketFile(path, segment).rows
        mine = np.isin(np.asarray(rows["user_id"], np.int64), users)
        if mine.any():
            touched[segment] = touched.get(segment, 0) + int(np.count_nonzero(mine))
            _rewrite(path, rows.filter(pa.array(~mine)))
    for stray in (store.folder / "segments").glob("*/.*"):  # half-written files of the dead
        stray.unlink(missing_ok=True)
    for record in store.generations():  # also those of a call that was killed before it came here
        parts = store.written(record)
        found = sum(parts.values(), Counts())
        if record.state == READY and len(parts) == record.buckets and found != Counts(record.users, record.rows):
            store._update(replace(record, users=found.users, rows=found.rows), READY)
    store.open_anew()
    return StoreErasure(
        store.name, sum(touched.values()), tuple(sorted(touched)), (), (REMAINS.format(folder=store.folder),)
    )


def _files(store: ArrowStore, users: npt.NDArray[np.int64]) -> Iterator[tuple[int, Path]]:
    """Segment and path of every file that may hold one of the users."""
    hashes = splitmix64(users)
    for record in store.generations():
        for bucket in np.unique(hashes & np.uint64(record.buckets - 1)).tolist():
            path = store.bucket_path(record.number, int(bucket))
            if path.exists():
                yield record.number, path


def _rewrite(path: Path, rows: pa.Table) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    write_bucket(temporary, rows)
    os.replace(temporary, path)
    flush_folder(path.parent)
