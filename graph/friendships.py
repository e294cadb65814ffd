"""Who knows whom: undirected friendships as compressed sparse rows over the dense row numbers of the population.

The rows lie in chunks, one a bucket, which may be memory-mapped: a slice of a bucket touches its own chunk, an ego
graph the chunks of the friends, and nothing ever holds the whole graph as objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Friendships:
    """The friends of every row, ascending; make one with `of_chunks` or `of_edges`.

    Attributes
    ----------
    firsts : int64 [chunks + 1], the first row of each chunk, then the number of rows.
    chunks : for each chunk `indptr` int64 [rows of the chunk + 1] and `indices` int32 [indptr[-1]].
    """

    firsts: Offsets
    chunks: tuple[tuple[Offsets, Rows], ...]

    @classmethod
    def of_chunks(cls, chunks: Sequence[tuple[Offsets, Rows]]) -> Friendships:
        """Put chunks side by side: chunk i holds the rows after those of chunk i - 1.

        Parameters
        ----------
        chunks : `(indptr int64 [n + 1], indices int32)` of each chunk, arrays or memory maps, friends of a row
            ascending and without repeats, each friendship in both directions.

        Raises
        ------
        ValueError
            An `indptr` that is empty or does not span its `indices`. The indices themselves are not read.
        """
        for number, (indptr, indices) in enumerate(chunks):
            if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices):
                raise ValueError(f"friendships, chunk {number}: indptr does not span its {len(indices)} indices")
        sizes = [len(indptr) - 1 for indptr, _ in chunks]
        return cls(np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64), tuple(chunks))

    @classmethod
    def of_edges(cls, n: int, a: npt.ArrayLike, b: npt.ArrayLike) -> Friendships:
        """One chunk from undirected pairs of rows below `n`; repeats and self-friendships are dropped.

        Raises
        ------
        ValueError
            A row outside 0 to n - 1, or `a` and `b` of different length.
        """
        left, right = np.asarray(a, np.int64).ravel(), np.asarray(b, np.int64).ravel()
        if len(left) != len(right):
            raise ValueError(f"friendships: {len(left)} rows on one side, {len(right)} on the other")
        both = np.concatenate([left, right])
        if len(both) and (both.min() < 0 or both.max() >= n):
            raise ValueError(f"friendships: rows run from {both.min()} to {both.max()}, outside 0 to {n - 1}")
        keys = np.unique((both * n + np.concatenate([right, left]))[np.concatenate([left != right] * 2)])
        indptr = np.searchsorted(keys, np.arange(n + 1, dtype=np.int64) * n)
        return cls.of_chunks([(indptr.astype(np.int64), (keys % max(n, 1)).astype(np.int32))])

    @property
    def rows(self) -> int:
        """How many rows there are, those without friends included."""
        return int(self.firsts[-1])

    def friends(self, row: int) -> Rows:
        """The friends of one row, int32 ascending: a view, to be read only."""
        if not 0 <= row < self.rows:
            raise IndexError(f"friendships: row {row} is outside 0 to {self.rows - 1}")
        chunk = int(np.searchsorted(self.firsts, row, side="right")) - 1
        indptr, indices = self.chunks[chunk]
        at = row - int(self.firsts[chunk])
        return indices[indptr[at] : indptr[at + 1]]

    def neighbours(self, first: int, last: int) -> tuple[Offsets, Rows]:
        """The friends of rows `first` to `last` - 1: `indptr` int64 [last - first + 1] from 0, `indices` int32.

        Within one chunk `indices` is a view.
        """
        if not 0 <= first <= last <= self.rows:
            raise IndexError(f"friendships: rows {first} to {last} are outside 0 to {self.rows}")
        pointers: list[Offsets] = [np.zeros(1, np.int64)]
        parts: list[Rows] = []
        total = 0
        for chunk, (indptr, indices) in enumerate(self.chunks):
            start = max(first - int(self.firsts[chunk]), 0)
            stop = min(last - int(self.firsts[chunk]), len(indptr) - 1)
            if start < stop:
                pointers.append(np.asarray(indptr[start + 1 : stop + 1], np.int64) - indptr[start] + total)
                parts.append(indices[indptr[start] : indptr[stop]])
                total += len(parts[-1])
        joined = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.int32), *parts])
        return np.concatenate(pointers), joined

    def of_rows(self, rows: npt.ArrayLike) -> tuple[Offsets, Rows]:
        """The friends of any rows, in their order: `indptr` int64 [len(rows) + 1] from 0, `indices` int32."""
        wanted = np.asarray(rows, np.int64).ravel()
        if len(wanted) and wanted[-1] - wanted[0] == len(wanted) - 1 and bool((np.diff(wanted) == 1).all()):
            return self.neighbours(int(wanted[0]), int(wanted[-1]) + 1)
        parts = [self.friends(int(row)) for row in wanted]
        indptr = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=indptr[1:])
        return indptr, np.concatenate([np.zeros(0, np.int32), *parts])

    def ego_edges(self, row: int) -> tuple[Rows, Rows]:
        """Friendships among the friends of `row`, as positions in `friends(row)`.

        Returns
        -------
        `(a, b)` int32, a < b, sorted by a, then b; each friendship once.

        Notes
        -----
        Reads the friends of each friend: at 200 friends a row at most 40,000 numbers.
        """
        friends = self.friends(row)
        indptr, indices = self.of_rows(friends)
        if len(indices) == 0:
            return np.zeros(0, np.int32), np.zeros(0, np.int32)
        a = np.repeat(np.arange(len(friends), dtype=np.int32), np.diff(indptr))
        b = np.minimum(np.searchsorted(friends, indices), len(friends) - 1).astype(np.int32)
        kept = (friends[b] == indices) & (a < b)
        return a[kept], b[kept]
