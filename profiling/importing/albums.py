"""Walk the folders of photos: each subfolder is a user's album, each file that is a photo by its content counts."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from profiling.errors import PopulationError
from profiling.headers import PhotoHeader, read_header
from profiling.importing.identity import name_key, stable_id
from profiling.refusals import PhotoRefused

HIDDEN = "."  # first letter of files and folders that programs keep for themselves
LISTS = ("users.csv", "friends.csv", "tags.csv")
BAD_NAME = "bad_name"  # its name is not UTF-8, so no table can hold it
OUTSIDE_ALBUMS = "outside_albums"  # it lies beside the users' folders, so nobody owns it

Found = TypeVar("Found")


@dataclass(frozen=True)
class FoundPhoto:
    """A photo of an album. `path` is relative to the imported folder; `version` changes when the file does."""

    photo_id: int
    album: str
    path: str
    uri: str
    version: int
    header: PhotoHeader


@dataclass
class Albums:
    """What was found. Keys are `name_key`s: `photos` by relative path, `names` (of folders, as on disk) by name."""

    names: dict[str, str] = field(default_factory=dict)
    photos: dict[str, FoundPhoto] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    skipped_paths: set[str] = field(default_factory=set)

    def skip(self, path: str, reason: str) -> None:
        """Note a file that is no photo."""
        self.skipped[reason] += 1
        self.skipped_paths.add(name_key(path))


def find_albums(folder: Path) -> Albums:
    """All albums of a folder, with the photos of their subfolders. Hidden files and linked subfolders are passed by.

    Raises
    ------
    PopulationError
        The folder cannot be listed, or two names differ only in how their letters are encoded.
    """
    albums = Albums()
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise PopulationError(f"{folder}: cannot be listed ({error.strerror}); give a folder of folders") from None
    for entry in entries:
        if entry.name.startswith(HIDDEN) or entry.name in LISTS:
            continue
        if not _is_text(entry.name):
            albums.skip(entry.name, BAD_NAME)
        elif entry.is_dir():
            _put(albums.names, entry.name, entry.name, folder)
            _walk(folder, entry.name, albums)
        else:
            albums.skip(entry.name, OUTSIDE_ALBUMS)
    return albums


def _walk(folder: Path, album: str, albums: Albums) -> None:
    for place, subfolders, files in os.walk(folder / album):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(HIDDEN))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(place, name), folder)
            if name.startswith(HIDDEN):
                continue
            if not _is_text(path):
                albums.skip(path, BAD_NAME)
                continue
            try:
                photo = _look(folder, album, path)
            except PhotoRefused as refused:
                albums.skip(path, refused.reason)
            else:
                _put(albums.photos, path, photo, folder)


def _look(folder: Path, album: str, path: str) -> FoundPhoto:
    full = folder / path
    try:
        status = full.stat()
        if not stat.S_ISREG(status.st_mode):
            raise PhotoRefused("unreadable", "It is not a regular file.")
        with full.open("rb") as stream:
            header = read_header(stream)
    except FileNotFoundError:
        raise PhotoRefused("missing", "The link leads nowhere.") from None
    except OSError:
        raise PhotoRefused("unreadable", "The file cannot be read.") from None
    except MemoryError:
        raise PhotoRefused("no_memory", "The header does not fit into memory.") from None
    return FoundPhoto(stable_id(path), album, path, os.path.abspath(full), status.st_mtime_ns, header)


def _put(found: dict[str, Found], name: str, value: Found, folder: Path) -> None:
    key = name_key(name)
    if key in found:
        raise PopulationError(f"{folder / name}: another name differs only in how its letters are encoded; rename one")
    found[key] = value


def _is_text(name: str) -> bool:
    """Whether a file name is UTF-8; Python reads other bytes as lone surrogates."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
