"""A lake's ledger of the forgotten: one small file a request, never changed; `hiding.py` applies it."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.errors import LakeError
from profiling.places import Place
from profiling.small_files import create_exclusively

FOLDER = "forgotten"


@dataclass(frozen=True)
class Ledger:
    """The ledger as it was read once.

    Parameters
    ----------
    version : requests so far; 0 = nobody was ever forgotten. users : int64, sorted, each once.
    hidden_at : float64 [users], seconds since 1970 of the first request.
    """

    version: int
    users: npt.NDArray[np.int64]
    hidden_at: npt.NDArray[np.float64]

    def holds(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which ids are forgotten."""
        if not len(self.users):
            return np.zeros(len(ids), np.bool_)
        place = np.minimum(np.searchsorted(self.users, ids), len(self.users) - 1)
        return np.asarray(self.users[place] == ids)


NOBODY = Ledger(0, np.zeros(0, np.int64), np.zeros(0))


def read_ledger(lake: Place) -> Ledger:
    """The ledger as it is now."""
    numbers = sorted(int(path.stem) for path in (lake / FOLDER).glob("[0-9]*.json"))
    return _read(lake, numbers[-1]) if numbers else NOBODY


def add_to_ledger(lake: Place, users: Iterable[int]) -> Ledger:
    """Hide users in everything that is read and written from now on; those who are hidden already cost nothing.

    Raises
    ------
    LakeError
        The disk is full or cannot be written; nobody of them is hidden.
    """
    wanted = np.unique(np.fromiter(users, np.int64))
    while True:
        known = read_ledger(lake)
        new = np.setdiff1d(wanted, known.users)
        if not len(new):
            return known
        request = {"users": new.tolist(), "hidden_at": time.time()}
        try:
            create_exclusively(lake / FOLDER / f"{known.version + 1:08d}.json", json.dumps(request).encode())
        except OSError as error:
            raise LakeError(
                f"{lake}/{FOLDER}: cannot be written ({error.strerror}); nobody was hidden; free space and run again"
            ) from None


@functools.lru_cache(maxsize=8)
def _read(lake: Place, version: int) -> Ledger:
    requests = [json.loads((lake / FOLDER / f"{number:08d}.json").read_bytes()) for number in range(1, version + 1)]
    users = np.concatenate([np.array(request["users"], np.int64) for request in requests])
    times = np.concatenate([np.full(len(request["users"]), request["hidden_at"]) for request in requests])
    sorted_users, first = np.unique(users, return_index=True)
    return Ledger(version, sorted_users, times[first])
