"""Fixed-width rows of the whole population, in row-number order, memory-mapped by whoever reads them.

A bucket's users need numbers of users in all other buckets: friends' profiles of the last round, friends' birth years,
friends of friends. These stand in one `.npy` file each, written bucket by bucket, so that nobody ever holds them whole:
a reader touches the pages of the rows that it gathers and the processes of a host share them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.lib.format
import numpy.typing as npt

from profiling.errors import LakeError
from profiling.places import Place, local_copy
from profiling.small_files import write_exclusively
from ray_tasks.lake import Lake


def rows_path(lake: Lake, name: str, fingerprint: str) -> Place:
    """Where the rows `name` for this fingerprint stand, written or not."""
    return lake.folder / "rows" / f"{name}-{fingerprint}.npy"


def write_rows(
    lake: Lake,
    name: str,
    fingerprint: str,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    chunks: Iterable[npt.NDArray[np.generic]],
) -> Place:
    """Write rows once; a file that is there already is left as it is and `chunks` is not touched.

    Parameters
    ----------
    shape : of the whole, the population's rows first.
    chunks : pieces along the first axis, in order; together exactly `shape`.

    Raises
    ------
    LakeError
        The pieces do not add up, or the disk is full.
    """
    path = rows_path(lake, name, fingerprint)
    if path.exists():
        return path
    lake.check_epoch()
    wanted = np.dtype(dtype)

    def write(file: BinaryIO) -> None:
        header = {"descr": numpy.lib.format.dtype_to_descr(wanted), "fortran_order": False, "shape": shape}
        numpy.lib.format.write_array_header_1_0(file, header)
        rows = 0
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype=wanted).data)
            rows += len(chunk)
        if rows != shape[0]:
            raise LakeError(f"{path.name}: {rows} rows instead of {shape[0]}; the lake is damaged, make a new one")

    try:
        write_exclusively(path, write)
    except OSError as error:
        raise LakeError(f"{path.parent}: cannot be written ({error.strerror}); free space and run again") from None
    return path


def open_rows(lake: Lake, name: str, fingerprint: str) -> npt.NDArray[np.generic]:
    """The rows as a read-only memory map; those of an object store come once to a host, onto its disk."""
    there = path = rows_path(lake, name, fingerprint)
    try:
        path = local_copy(there)
        if path.stat().st_size and _is_empty(path):
            return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError):
        raise LakeError(f"{there}: is missing or damaged; delete it if it is there and run kith build again") from None


def _is_empty(path: Path) -> bool:
    with path.open("rb") as file:
        numpy.lib.format.read_magic(file)
        shape, _, _ = numpy.lib.format.read_array_header_1_0(file)
    return 0 in shape
