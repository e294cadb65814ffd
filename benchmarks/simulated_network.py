"""A drawn social network: users in buckets, friendships with a heavy tail that reach over all buckets.

Numbers of friends are lognormal with a mean of 100 and 1.9 times the median, as Facebook's were (Ugander et al. 2011:
mean 190, median 99, at most 5,000). Who is whose friend is drawn by lot: each user's ends of friendships are shuffled
and dealt out to all buckets, and the ends that two buckets dealt each other are joined. The ends lie in one file, so
that no more than a bucket's is in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from profiling.hashing import splitmix64

MEAN_FRIENDS, MOST_FRIENDS, KEPT_FRIENDS = 100, 5_000, 200  # friends; the last is what the partition stage keeps
MEAN_OVER_MEDIAN = 1.9

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Network:
    """`users` users in `buckets` buckets; everything follows from `seed`.

    Parameters
    ----------
    folder : where the ends of friendships are kept.
    """

    users: int
    buckets: int
    seed: int
    folder: Path

    @cached_property
    def user_ids(self) -> Ints:
        """int64 [users] by row: rows are dense, contiguous within a bucket, and ids ascend there."""
        ids = np.arange(self.users, dtype=np.int64) * 5 + 1
        return ids[np.lexsort((ids, self._bucket_of(ids)))]

    @cached_property
    def firsts(self) -> Ints:
        """int64 [buckets + 1], the first row of each bucket."""
        counts = np.bincount(self._bucket_of(self.user_ids), minlength=self.buckets)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def friends(self, bucket: int) -> tuple[Ints, Rows]:
        """Friends of a bucket's users as the partition stage keeps them: offsets int64 [users + 1], rows int32."""
        ends, bounds = self._ends
        first, last = self.firsts[bucket : bucket + 2]
        mine, theirs = [], []
        for other in range(self.buckets):
            here = ends[bounds[bucket, other] : bounds[bucket, other + 1]]
            there = ends[bounds[other, bucket] : bounds[other, bucket + 1]]
            if other == bucket:  # both ends are here: the first half meets the second
                half = len(here) // 2
                here, there = np.r_[here[:half], here[half : 2 * half]], np.r_[here[half : 2 * half], here[:half]]
            joined = min(len(here), len(there))
            mine.append(here[:joined])
            theirs.append(there[:joined])
        row, friend = (np.concatenate(each).astype(np.int64) for each in (mine, theirs))
        pairs = np.unique((row * self.users + friend)[row != friend])
        return self._cap(pairs // self.users - first, pairs % self.users, int(last - first))

    def _cap(self, place: Ints, friend: Ints, users: int) -> tuple[Ints, Rows]:
        by_lot = np.lexsort((splitmix64(friend + self.users * place), place))
        start = np.searchsorted(place, np.arange(users))
        kept = np.zeros(len(place), np.bool_)
        kept[by_lot] = np.arange(len(place)) - start[place] < KEPT_FRIENDS
        counts = np.bincount(place[kept], minlength=users)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), friend[kept].astype(np.int32)

    @cached_property
    def _ends(self) -> tuple[Rows, Ints]:
        """The row of each end; those that bucket i dealt bucket j are ``ends[bounds[i, j]:bounds[i, j + 1]]``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path, total = self.folder / f"ends-{self.users}-{self.buckets}-{self.seed}.int32", 0
        bounds = np.zeros((self.buckets, self.buckets + 1), np.int64)
        with path.open("wb") as file:
            for bucket in range(self.buckets):
                rng = np.random.default_rng([self.seed, 1, bucket])
                rows = np.arange(self.firsts[bucket], self.firsts[bucket + 1], dtype=np.int32)
                ends = np.repeat(rows, self._wanted(rng, len(rows)))
                rng.shuffle(ends)
                share = np.diff(self.firsts) / self.users
                bounds[bucket] = total + np.concatenate([[0], np.cumsum(rng.multinomial(len(ends), share))])
                ends.tofile(file)
                total += len(ends)
        return np.memmap(path, np.int32, "r", shape=(total,)), bounds

    def _wanted(self, rng: np.random.Generator, users: int) -> Ints:
        median = MEAN_FRIENDS / MEAN_OVER_MEDIAN
        sigma = np.sqrt(2 * np.log(MEAN_OVER_MEDIAN))
        most = min(MOST_FRIENDS, max(1, self.users // 4))
        return np.clip(rng.lognormal(np.log(median), sigma, users), 1, most).astype(np.int64)

    def _bucket_of(self, ids: Ints) -> Ints:
        return (splitmix64(ids) & np.uint64(self.buckets - 1)).astype(np.int64)
