"""Which friends of a user are kept: those tagged together first, then by a hash that prefers nobody."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from profiling.runs import fresh

Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

PEOPLE_PER_PHOTO = (
    50  # of a photo, those with the smallest ids make pairs: 50 give 2,450, a photo tagged 5,000 times 25 million
)
PAIRS_AT_ONCE = 1 << 20  # pairs made before they are handed on: 16 MB


def tagged_pairs(photo_ids: Ids, owner_ids: Ids, user_ids: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Yield, in both directions, the users that stand together on a photo: its owner and all who are tagged on it.

    Parameters
    ----------
    photo_ids, owner_ids, user_ids : one entry a tag, any order; leave rejected tags out.

    Yields
    ------
    users and others, int64 [n] each; a pair may come more than once, in this and in later pieces.
    """
    photos = np.concatenate([photo_ids, photo_ids])
    people = np.concatenate([user_ids, owner_ids])
    order = np.lexsort((people, photos))
    photos, people = photos[order], people[order]
    first = fresh(photos) | fresh(people)
    photos, people = photos[first], people[first]
    rank, size = _ranks(photos)
    photos, people = photos[rank < PEOPLE_PER_PHOTO], people[rank < PEOPLE_PER_PHOTO]
    rank, size = _ranks(photos)
    ends = np.cumsum(size)
    start = 0
    while start < len(people):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + PAIRS_AT_ONCE, side="right")), start + 1)
        yield _pairs_of(people, np.arange(start, stop), rank, size)
        start = stop


def mark_tagged_together(users: Ids, friends: Ids, pair_users: Ids, pair_others: Ids) -> Mask:
    """Which friendships (users[i], friends[i]) are among the pairs, in the direction given: bool [n]."""
    if not len(users) or not len(pair_users):
        return np.zeros(len(users), np.bool_)
    _, left = np.unique(np.concatenate([users, pair_users]), return_inverse=True)
    names, right = np.unique(np.concatenate([friends, pair_others]), return_inverse=True)
    keys = left.astype(np.int64) * len(names) + right
    return np.isin(keys[: len(users)], keys[len(users) :])


def cap_friends(rows: Rows, together: Mask, pair_hashes: npt.NDArray[np.uint64], limit: int) -> npt.NDArray[np.intp]:
    """Choose at most `limit` friendships of every row.

    Parameters
    ----------
    rows : whose friendship it is, any order.
    together : whether the two were tagged together; such friends come first.
    pair_hashes : settles the rest; a bijective mix of the pair, so that ties do not occur.

    Returns
    -------
    indices of the kept ones, ascending.
    """
    order = np.lexsort((pair_hashes, ~together, rows))
    rank, _ = _ranks(rows[order])
    return np.sort(order[rank < limit])


def _ranks(groups: npt.NDArray[np.integer]) -> tuple[Ids, Ids]:
    """Of sorted groups: each entry's place in its group, and its group's size."""
    if not len(groups):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(fresh(groups))
    sizes = np.diff(np.append(starts, len(groups)))
    return np.arange(len(groups)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)


def _pairs_of(people: Ids, chosen: Ids, rank: Ids, size: Ids) -> tuple[Ids, Ids]:
    """All pairs (people[i], another of i's photo) for the chosen entries i."""
    left = np.repeat(chosen, size[chosen])
    turn = np.arange(len(left)) - np.repeat(np.cumsum(size[chosen]) - size[chosen], size[chosen])
    right = left - rank[left] + turn
    apart = left != right
    return people[left[apart]], people[right[apart]]
