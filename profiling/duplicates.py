"""Near-duplicate photos: groups of an album's photos whose perceptual hashes hardly differ.

People upload one picture several times: cropped, scaled, saved again. Without this, one picture would count as many
and make a stranger a cluster's core.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

PAIRS_AT_ONCE = 1 << 20  # compared at once: about 50 MB
SECOND_LOOK = 2  # times the bits: so far copies that were cropped too may differ (up to 8 of 64; other photos: 10 up)

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def near_duplicates(
    owners: Ints,
    hashes: npt.NDArray[np.uint64],
    faces: npt.NDArray[np.int16],
    bits: int,
    alike: Callable[[Ints, Ints], Flags] | None = None,
) -> Ints:
    """For each photo the index of the photo that stands for its group of near-duplicates (its own when alone).

    Two photos are near-duplicates when they lie in one album, show as many faces, and their hashes differ in at most
    `bits` bits, or in at most `SECOND_LOOK` times as many and their faces are alike; a group is a connected component
    of that relation, so it depends on no order. The representative is the group's first photo in the given order: pass
    photos sorted by id and it is the smallest id.

    Parameters
    ----------
    owners : int64 [n], any code that is equal for photos of one album.
    hashes : uint64 [n], as `perceptual_hash.perceptual_hash` gives them.
    faces : int16 [n], detected faces of each photo.
    bits : 0 to 64; 0 joins only equal hashes.
    alike : tells of pairs of photos (places, int64 [pairs] each) whether their faces are; None = none are.

    Returns
    -------
    int64 [n], with `result[result] == result` and `result <= arange(n)`.

    Notes
    -----
    One popcount for each pair of distinct hashes of an album that show as many faces, in bounded memory: 0.7 s for one
    album of 10,000 photos, 1.1 s for 10,000 albums of 100.
    """
    count = len(hashes)
    order = np.lexsort((hashes, faces, owners))
    changes = np.zeros((2, count), np.bool_)  # of the album or the number of faces; of these or the hash
    if count:
        changes[:, 0] = True
        changes[0, 1:] = (np.diff(owners[order]) != 0) | (np.diff(faces[order]) != 0)
        changes[1, 1:] = changes[0, 1:] | (np.diff(hashes[order]) != 0)
    picture = np.empty(count, np.int64)  # the number of each photo's distinct (album, faces, hash)
    picture[order] = np.cumsum(changes[1]) - 1
    distinct = order[changes[1]]
    left, right, apart = _close_pairs(hashes[distinct], np.cumsum(changes[0])[changes[1]], bits * SECOND_LOOK)
    sure = apart <= bits
    if alike is not None and not sure.all():
        sure[~sure] = alike(distinct[left[~sure]], distinct[right[~sure]])
    left, right = left[sure], right[sure]
    return _first_of_groups(left, right, picture)


def _first_of_groups(left: Ints, right: Ints, picture: Ints) -> Ints:
    """The first photo of the group of each, where the pictures `left` and `right` are one; `picture` of each photo."""
    count, size = len(picture), int(picture.max(initial=-1)) + 1
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    _, group_of_picture = connected_components(graph, directed=False)
    groups = group_of_picture[picture]
    first = np.full(count, count, np.int64)
    np.minimum.at(first, groups, np.arange(count))
    return first[groups]


def _close_pairs(hashes: npt.NDArray[np.uint64], albums: Ints, bits: int) -> tuple[Ints, Ints, Ints]:
    """Pairs of one album (`albums` is sorted) whose hashes differ in at most `bits` bits, and in how many."""
    size = len(hashes)
    here = np.arange(size)
    partners = np.searchsorted(albums, albums, side="right") - here - 1  # later pictures of the same album
    before = np.concatenate([[0], np.cumsum(partners)])
    found: list[tuple[Ints, Ints, Ints]] = [(np.zeros(0, np.int64),) * 3]
    start = 0
    while start < size:
        end = max(start + 1, int(np.searchsorted(before, before[start] + PAIRS_AT_ONCE, side="right")) - 1)
        left = np.repeat(here[start:end], partners[start:end])
        right = left + 1 + np.arange(before[start], before[end]) - before[left]
        apart = np.bitwise_count(hashes[left] ^ hashes[right]).astype(np.int64)
        close = apart <= bits
        found.append((left[close], right[close], apart[close]))
        start = end
    one, other, apart = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return one, other, apart
