"""Where small and large files lie: on a disk or in an object store, by one way of speaking."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from profiling.object_paths import SCHEMES, ObjectPath

Place = Path | ObjectPath

CACHE_VARIABLE = "KITH_CACHE"  # folder for copies of what is memory-mapped
CACHE_DAYS = 2.0  # days after which a copy that nobody made again goes: rows of older rounds are read no more


def open_place(place: str | Place) -> Place:
    """A path, absolute, or an object path for `s3://bucket/key` and its kin."""
    if isinstance(place, ObjectPath):
        return place
    if str(place).partition("://")[0] in SCHEMES and "://" in str(place):
        return ObjectPath.parse(str(place))
    return Path(place).absolute()


def parquet_source(place: Place, whole: bool) -> Any:
    """What pyarrow reads Parquet from; `whole` says that all columns are wanted: one request then."""
    if isinstance(place, Path):
        return place
    import pyarrow as pa  # only readers of Parquet need it: Airflow reads this module with every DAG file

    return pa.BufferReader(place.read_bytes()) if whole else pa.PythonFile(place.reader(), mode="r")


def local_copy(place: Place) -> Path:
    """The file itself, or a copy on this machine's disk of an object that never changes.

    Raises
    ------
    OSError
        The object is missing, or the disk is full.
    """
    if isinstance(place, Path):
        return place
    folder = _cache() / hashlib.blake2b(str(place.parent).encode(), digest_size=8).hexdigest()
    copy = folder / place.name
    if copy.exists():
        return copy
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _tidy(folder)
    temporary = folder / f".{place.name}.{secrets.token_hex(6)}"
    try:
        with temporary.open("xb") as file:
            place.download(file)
        os.replace(temporary, copy)
    finally:
        temporary.unlink(missing_ok=True)
    return copy


@functools.cache
def _cache() -> Path:
    """A folder of this user's alone: embeddings lie in it."""
    folder = Path(os.environ.get(CACHE_VARIABLE) or Path(tempfile.gettempdir()) / f"kith-cache-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise OSError(f"{folder}: belongs to somebody else; name another folder with {CACHE_VARIABLE}")
    return folder


def _tidy(folder: Path) -> None:
    """Delete old copies; whoever has one mapped keeps it."""
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < time.time() - CACHE_DAYS * 86400:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue


def by_name(places: Iterable[Place]) -> list[Place]:
    """Sorted by their whole names."""
    return sorted(places, key=str)


def name_below(place: Place, folder: Place) -> str:
    """The parts of a name below a folder, with slashes."""
    return str(place)[len(str(folder)) :].replace(os.sep, "/").lstrip("/")
