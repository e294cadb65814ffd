"""Viral photos: pictures that stand in the albums of many owners who do not know each other.

A star, a meme, a poster: people repost it, and the face on it is nobody's whom they know. A group photo stands in many
albums too, but its owners are friends of each other: they count as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from profiling.albums import find, integers

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

HASH_BITS = 64
SEED_SHARE = 0.25  # of the owners asked for; of copies saved again, a third to a half keep the commonest hash
CANDIDATES_AT_ONCE = 1 << 20  # pairs compared at once: about 50 MB


def sightings_of_pictures(selection: pa.Table, seen: pa.Table, users: pa.Table) -> tuple[Ints, Ints, Hashes]:
    """The selected photos of a bucket that show a face: photo_id, row of the owner, perceptual hash; by photo_id."""
    seen = seen.filter(pc.and_(pc.is_valid(seen["perceptual_hash"]), pc.greater(seen["faces"], 0))).sort_by("photo_id")
    chosen = selection.filter(pc.is_in(selection["photo_id"], value_set=seen["photo_id"].combine_chunks()))
    chosen = chosen.sort_by("photo_id")
    users = users.sort_by("user_id")
    place = find(integers(chosen["owner_id"]), integers(users["user_id"]))[0]
    owner = integers(users["row"])[place] if len(users) else place
    at = find(integers(chosen["photo_id"]), integers(seen["photo_id"]))[0]
    hashes = np.asarray(seen["perceptual_hash"].combine_chunks(), np.uint64)
    return integers(chosen["photo_id"]), owner, hashes[at] if len(seen) else np.zeros(len(at), np.uint64)


def find_seeds(hashes: Hashes, owners: Ints, viral_owners: int) -> Hashes:
    """Hashes that enough owners hold bit for bit to look for their near copies too, ascending.

    All rows of a hash must be given together; the order does not matter.
    """
    pairs = np.unique(np.stack([hashes, owners.astype(np.uint64)]), axis=1)
    found, count = np.unique(pairs[0], return_counts=True)
    return np.asarray(found[count >= max(2, np.ceil(SEED_SHARE * viral_owners))])


def match_seeds(hashes: Hashes, seeds: Hashes, bits: int) -> Ints:
    """The seed that each hash is a copy of, int64 [hashes], place in `seeds` (ascending); -1 = of none.

    A copy differs in at most `bits` bits; of several seeds the nearest counts, of equally near ones the smallest.

    Notes
    -----
    Of `bits` + 1 bands of a hash a copy leaves one untouched, so only hashes and seeds with an equal band are compared.
    """
    best = np.full(len(hashes), (bits + 1) * (len(seeds) + 1), np.int64)  # distance, then place, in one number
    for rows, place in _candidates(hashes, seeds, bits):
        apart = np.bitwise_count(hashes[rows] ^ seeds[place]).astype(np.int64)
        np.minimum.at(best, rows, np.where(apart <= bits, apart * (len(seeds) + 1) + place, best[rows]))
    return np.where(best < (bits + 1) * (len(seeds) + 1), best % (len(seeds) + 1), -1)


def group_seeds(seeds: Hashes, bits: int) -> Ints:
    """The picture of each seed, int64 [seeds]: seeds that differ in at most `bits` bits are one, and so on."""
    left, right = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for rows, place in _candidates(seeds, seeds, bits):
        close = (rows < place) & (np.bitwise_count(seeds[rows] ^ seeds[place]) <= bits)
        left.append(rows[close])
        right.append(place[close])
    ends = (np.concatenate(left), np.concatenate(right))
    graph = coo_matrix((np.ones(len(ends[0]), np.int8), ends), shape=(len(seeds), len(seeds)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def viral_pictures(pictures: Ints, owners: Ints, friends: Callable[[int], npt.ArrayLike], viral_owners: int) -> Ints:
    """Which pictures are viral, ascending.

    Parameters
    ----------
    pictures, owners : int64 [n], a row a photo: its picture, the row of its owner; any order.
    friends : the friends of a row.
    viral_owners : owners who do not know each other that make a picture viral.
    """
    pairs = np.unique(np.stack([pictures, owners]), axis=1)
    found, start, count = np.unique(pairs[0], return_index=True, return_counts=True)
    many = np.flatnonzero(count >= viral_owners)
    return np.array(
        [found[k] for k in many if strangers(pairs[1][start[k] : start[k] + count[k]], friends) >= viral_owners],
        np.int64,
    )


def strangers(owners: Ints, friends: Callable[[int], npt.ArrayLike]) -> float:
    """At least so many of the owners (ascending, distinct) do not know each other.

    Each counts one over one more than the owners who are friends: a circle of friends counts one in all, strangers
    count one each. That is a lower bound for the largest set without friendships (Caro 1979, Wei 1981).
    """
    known = [int(find(np.asarray(friends(int(owner)), np.int64), owners)[1].sum()) for owner in owners]
    times = np.bincount(np.array(known, np.int64))
    return float((times / (1.0 + np.arange(len(times)))).sum())


def _candidates(hashes: Hashes, seeds: Hashes, bits: int) -> Iterator[tuple[Ints, Ints]]:
    """Places of hashes and of seeds that agree in one of `bits` + 1 bands, in pieces; a pair may come twice."""
    edges = np.linspace(0, HASH_BITS, bits + 2).astype(np.int64)
    for low, high in pairwise(edges.tolist()):
        mask = np.uint64((1 << (high - low)) - 1)
        ours, theirs = (hashes >> np.uint64(low)) & mask, (seeds >> np.uint64(low)) & mask
        order = np.argsort(theirs, kind="stable")
        first = np.searchsorted(theirs[order], ours, "left")
        count = np.searchsorted(theirs[order], ours, "right") - first
        before = np.concatenate([[0], np.cumsum(count)])
        start = 0
        while start < len(hashes):
            most = int(np.searchsorted(before, before[start] + CANDIDATES_AT_ONCE, side="right")) - 1
            end = max(start + 1, most)
            rows = np.repeat(np.arange(start, end), count[start:end])
            step = np.arange(before[start], before[end]) - before[rows]
            yield rows, order[first[rows] + step]
            start = end
