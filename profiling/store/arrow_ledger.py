"""The embedded store's ledger of the forgotten: one sorted file a version, newest only."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.small_files import flush_folder, write_exclusively
from profiling.store.arrow_files import view

LEDGER = pa.schema([("user_id", pa.int64()), ("hidden_at", pa.float64())])  # seconds since 1970


def read_ledger(folder: Path, version: int) -> npt.NDArray[np.int64] | None:
    """Ids of one version, sorted, a view of its file; None when the file is gone. Version 0 is empty."""
    table = _read(folder, version)
    if table is None:
        return None
    return view(table["user_id"].chunk(0), np.int64) if len(table) else np.zeros(0, np.int64)


def write_ledger(folder: Path, version: int, users: npt.NDArray[np.int64]) -> None:
    """Write version + 1: `version` and these users, who count from now on. Writers must take turns."""
    known = _read(folder, version)
    old = LEDGER.empty_table() if known is None else known
    new = np.setdiff1d(users, np.asarray(old["user_id"]))
    hidden = np.full(len(new), time.time())
    table = pa.concat_tables([old, pa.table({"user_id": new, "hidden_at": hidden}, schema=LEDGER)])

    def write(file: BinaryIO) -> None:
        with pa.ipc.new_file(file, LEDGER) as sink:
            sink.write_table(table.sort_by("user_id").combine_chunks())

    path = _path(folder, version + 1)
    path.unlink(missing_ok=True)  # of a writer that died before anybody was told of it
    write_exclusively(path, write)
    flush_folder(folder)


def _read(folder: Path, version: int) -> pa.Table | None:
    if version == 0:
        return LEDGER.empty_table()
    try:
        with pa.memory_map(str(_path(folder, version))) as source:
            return pa.ipc.open_file(source).read_all().combine_chunks()
    except FileNotFoundError:
        return None


def _path(folder: Path, version: int) -> Path:
    return folder / f"{version:08d}.arrow"
