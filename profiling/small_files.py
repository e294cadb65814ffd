"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def create_exclusively(path: Path, data: bytes) -> bool:
    """Create `path` with `data`, whole or not at all; False when it exists already."""
    return write_exclusively(path, lambda file: file.write(data))


def write_exclusively(path: Path, write: Callable[[BinaryIO], object]) -> bool:
    """Create `path` with what `write` puts into the file it is given, whole or not at all; False when it exists.

    A hard link to a finished, flushed temporary file is the exclusive create of a POSIX disk that a kill cannot leave
    half written. An error of `write` leaves nothing.
    """
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


def replace(path: Path, data: bytes, durable: bool = False) -> None:
    """Write a small file so that readers see the old one or the new one, whole; writers must take turns.

    `durable` has it reach the disk before anybody sees it: what a lease or a progress note does not need.
    """
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
