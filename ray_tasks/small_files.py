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


def replace(path: Path, data: bytes) -> None:
    """Write a small file that only one writer owns (a lease, a progress note) so that readers see it whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}"
    temporary.write_bytes(data)
    os.replace(temporary, path)
