"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from profiling.object_paths import ObjectPath
from profiling.places import Place


def create_exclusively(path: Place, data: bytes) -> bool:
    """Create `path` with `data`, whole or not at all; False when it exists already."""
    if isinstance(path, ObjectPath):
        return path.create(data)
    return write_exclusively(path, lambda file: file.write(data))


def write_exclusively(path: Place, write: Callable[[BinaryIO], object]) -> bool:
    """Create `path` with what `write` puts into the file it is given, whole or not at all; False when it exists.

    A hard link to a finished, flushed temporary file is the exclusive create of a POSIX disk that a kill cannot leave
    half written; an object store has a conditional put. An error of `write` leaves nothing.
    """
    if isinstance(path, ObjectPath):
        return path.create_from(write)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}"
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        return True
    finally:
        temporary.unlink(missing_ok=True)


def write_new(path: Place, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under a name that nobody else uses; a kill may leave half of it on a disk.

    Raises
    ------
    OSError
        There is a file of that name, or the disk is full.
    """
    if isinstance(path, ObjectPath):
        if not path.create_from(write):
            raise FileExistsError(errno.EEXIST, "exists already", str(path))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Place, data: bytes, durable: bool = False) -> None:
    """Write a small file so that readers see the old one or the new one, whole; writers must take turns.

    `durable` has it reach the disk before anybody sees it: what a lease or a progress note does not need.
    """
    if isinstance(path, ObjectPath):
        path.write(data)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Have the names of a folder's files reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
