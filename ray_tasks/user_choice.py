"""About whom a build is: all users, those without a profile, or some that a list names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from profiling.errors import SettingsError
from profiling.places import open_place

ALL, UNRESOLVED = "all", "unresolved"
LEAST_ID, MOST_ID = -(2**63), 2**63 - 1  # user_id is int64
MOST_BYTES = 256 << 20  # of a file of ids; some ten million of them
SHOWN = 5  # ids in a line that refuses some

_IDS = re.compile(r"[-\d,\s]*")  # what a list looks like; anything else names a file
_BETWEEN = re.compile(r"[,\s]+")


@dataclass(frozen=True)
class UserChoice:
    """Whose photos a build selects anew; all others keep the selection of an earlier generation.

    Parameters
    ----------
    listed : int64 ids, ascending, each once; None = whoever has no profile in that generation.
    base : id or name of that generation, empty = the newest.
    """

    listed: npt.NDArray[np.int64] | None = None
    base: str = ""

    @classmethod
    def parse(cls, text: str, base: str = "") -> Self | None:
        """What `--users` says; None = all users.

        Raises
        ------
        SettingsError
            It is neither a word, nor ids, nor a file of ids.
        """
        wanted = text.strip()
        if wanted == ALL:
            if base:
                raise SettingsError(f"--base {base}: says whose selection others keep; give --users as well")
            return None
        if wanted == UNRESOLVED:
            return cls(None, base)
        return cls(_read_ids(wanted), base)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits of who is wanted; equal lists, in any order, give equal digits."""
        ids = b"" if self.listed is None else self.listed.astype("<i8").tobytes()
        return hashlib.blake2b(ids, digest_size=16, key=self.words.encode()).hexdigest()

    @property
    def words(self) -> str:
        """What a generation's record says of it; names nobody."""
        return UNRESOLVED if self.listed is None else "listed"


def _read_ids(text: str) -> npt.NDArray[np.int64]:
    where = f"--users {text}"
    if not _IDS.fullmatch(text):
        where, text = f"--users {text}", _read_file(text)
    try:
        found = [int(word) for word in _BETWEEN.split(text) if word]
    except ValueError as error:
        word = str(error).rpartition(":")[2].strip()[:40]
        raise SettingsError(f"{where}: {word} is no user id; write whole numbers between commas or lines") from None
    beyond = [each for each in found if not LEAST_ID <= each <= MOST_ID]
    if beyond:
        raise SettingsError(f"{where}: {beyond[0]} is no user id; ids are 64-bit integers")
    if not found:
        raise SettingsError(f"{where}: names nobody; give {ALL}, {UNRESOLVED}, ids such as 17,42, or a file of ids")
    return np.unique(np.array(found, np.int64))


def _read_file(name: str) -> str:
    """The text of a file of ids, on a disk or in an object store."""
    place = open_place(name)
    try:
        if place.stat().st_size > MOST_BYTES:
            raise SettingsError(f"--users {name}: is larger than {MOST_BYTES >> 20} MiB; give fewer users, or all")
        return place.read_text()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingsError(
            f"--users {name}: is no file of ids ({type(error).__name__}); give {ALL}, {UNRESOLVED}, ids such as 17,42, "
            "or a file with an id a line"
        ) from None
