"""Friends' profiles of a bucket, read from the round's file in one pass in ascending order.

A round's profiles are one file of fixed-width rows, memory-mapped. A bucket's friends are spread over all of it, and
most are friends of several of its users: each is read once, forwards, and found again by its position.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

ROWS_A_READ = 65_536  # rows copied at a time: 32 MB of float16 at two profiles of 128 numbers
FRIENDS_A_CHUNK = 100_000  # friendships a chunk of users: at most 400 MB of float32 profiles of 2 x 512 numbers


def gather(
    profiles: npt.NDArray[np.float16], friend_rows: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Read each friend's profiles once.

    Parameters
    ----------
    profiles : float16 [N, 2, d], usually memory-mapped; rows of zeros are users without a profile.
    friend_rows : integers [k] below N, any order, repeats welcome, as `Friendships.neighbours` gives them.

    Returns
    -------
    vectors : float32 [m, 2, d], profiles of the m distinct friends, by ascending row.
    positions : int64 [k], where each of `friend_rows` stands in `vectors`.

    Raises
    ------
    IndexError
        A row that `profiles` does not have.

    Notes
    -----
    `m * 2 * d * 4` bytes for the result, and `ROWS_A_READ` rows on the way. Cut large buckets with `chunk_users`.
    """
    wanted, positions = np.unique(np.asarray(friend_rows).astype(np.int64, copy=False).ravel(), return_inverse=True)
    if len(wanted) and (wanted[0] < 0 or wanted[-1] >= len(profiles)):
        raise IndexError(f"profiles: rows {wanted[0]} to {wanted[-1]} wanted, {len(profiles)} there")
    vectors = np.empty((len(wanted), *profiles.shape[1:]), np.float32)
    for start in range(0, len(wanted), ROWS_A_READ):
        stop = start + ROWS_A_READ
        vectors[start:stop] = profiles[wanted[start:stop]]
    return vectors, positions.astype(np.int64, copy=False)


def chunk_users(indptr: npt.NDArray[np.int64], friends: int = FRIENDS_A_CHUNK) -> Iterator[tuple[int, int]]:
    """Cut users into consecutive ranges `[first, last)` that hold at most `friends` friendships each.

    Parameters
    ----------
    indptr : int64 [users + 1], ascending.
    friends : friendships a range; a user who alone has more makes a range of one.
    """
    first, users = 0, len(indptr) - 1
    while first < users:
        last = int(np.searchsorted(indptr, indptr[first] + friends, side="right")) - 1
        last = min(max(last, first + 1), users)
        yield first, last
        first = last
