"""Whom a face of an upload may be: the uploader and the uploader's friends, by their profiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.vectors import unpack_vectors

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
FAR = np.float32(np.inf)  # distance to nobody


@dataclass(frozen=True)
class Candidates:
    """Profiles that uploads of one user are compared with: row numbers [c] and vectors float32 [c, dim]."""

    rows: Ints
    vectors: Floats

    def nearest(self, faces: Floats) -> tuple[Ints, Floats]:
        """Of faces [n, dim]: row of the nearest candidate (-1 = none; the lowest of equals) and cosine distance."""
        if len(self.rows) == 0:
            return np.full(len(faces), -1, np.int64), np.full(len(faces), FAR)
        similar = faces @ self.vectors.T
        best = similar.argmax(axis=1)
        return self.rows[best], np.float32(1) - similar[np.arange(len(faces)), best]


class Network:
    """Users by row, their friends and their profiles."""

    def __init__(self, users: pa.Table, friends: pa.Table, profiles: pa.Table) -> None:
        self._ids = np.asarray(users["user_id"])
        self._rows = np.asarray(users["row"]).astype(np.int64)
        self._by_id = np.argsort(self._ids, kind="stable")
        row = np.asarray(friends["row"]).astype(np.int64)
        order = np.argsort(row, kind="stable")
        self._friend_of, self._friend = row[order], np.asarray(friends["friend_row"]).astype(np.int64)[order]
        resolved = np.asarray(profiles["reason"].fill_null("")) == "ok"
        owner = np.asarray(profiles["row"]).astype(np.int64)
        holders, vectors = [], []
        for name in ("profile", "second_profile"):
            here = resolved & np.asarray(profiles[name].is_valid())
            holders.append(owner[here])
            vectors.append(unpack_vectors(profiles[name])[here])
        self._holder, stacked = np.concatenate(holders), np.concatenate(vectors)
        order = np.argsort(self._holder, kind="stable")
        self._holder, self._vectors = self._holder[order], stacked[order]

    def row_of(self, user_id: int) -> int:
        """Row number of a user, -1 of an unknown one."""
        if len(self._ids) == 0:
            return -1
        place = self._by_id[min(int(np.searchsorted(self._ids, user_id, sorter=self._by_id)), len(self._ids) - 1)]
        return int(self._rows[place]) if self._ids[place] == user_id else -1

    def circle(self, row: int) -> Ints:
        """The user and the user's friends, sorted; empty of an unknown user."""
        if row < 0:
            return np.zeros(0, np.int64)
        start, stop = np.searchsorted(self._friend_of, [row, row + 1])
        return np.unique(np.append(self._friend[start:stop], row))

    def has_profile(self, row: int) -> bool:
        """Whether this user has a profile."""
        place = int(np.searchsorted(self._holder, row))
        return place < len(self._holder) and bool(self._holder[place] == row)

    def candidates(self, row: int) -> Candidates:
        """Profiles of the user's circle, by row, first profile before second."""
        circle = self.circle(row)
        start, stop = np.searchsorted(self._holder, circle, "left"), np.searchsorted(self._holder, circle, "right")
        chosen = np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)] or [np.zeros(0, np.intp)])
        return Candidates(self._holder[chosen], self._vectors[chosen].astype(np.float32))
