"""A second leader: the partner with whom an account is shared.

The partner mostly has an account as well, so that to the friends' profiles this cluster is a friend, and its weight is
that of a stranger. What speaks for a joint account is the album alone: the portraits, photos of one person alone, are
shared about evenly between the two. An idolised friend has more of them than the owner, or is the profile picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Chosen on four populations of 1,100 users, 77 joint accounts: 49 second leaders, all right (docs/decisions/0016).
LEADER_SOLO = 0.4  # share of the portraits, of the leader at least
SECOND_SOLO = 0.3  # of the second at least
APART = 0.2  # by which the two shares may differ
PHOTOS = 3  # of the second at least: of 14 more with two photos, two were a friend's


def second_leaders(owner: Ints, leader: Ints, photos: Ints, solo: Floats, avatar: Floats) -> Ints:
    """The place of each user's second leader, int64 [users], -1 = none.

    Parameters
    ----------
    owner : int64 [clusters], place of the user, ascending.
    leader : int64 [users], place of the cluster that leads, -1 = none; then there is no second.
    photos : int64 [clusters]. solo, avatar : float64 [clusters], shares of the album's portraits and of its profile
        pictures, NaN = it has none.

    Notes
    -----
    Of several the one with most portraits, of equals the one of the lower number.
    """
    there = leader[owner] >= 0
    first = np.where(there, solo[leader[owner]], np.nan) if len(solo) else solo
    balanced = (first >= LEADER_SOLO) & (solo >= SECOND_SOLO) & (np.abs(first - solo) <= APART)
    able = there & (leader[owner] != np.arange(len(owner))) & balanced & ~(avatar > 0) & (photos >= PHOTOS)
    found = np.full(len(leader), -1, np.int64)
    candidates = np.flatnonzero(able)
    best_last = candidates[np.lexsort((-candidates, solo[candidates]))]
    found[owner[best_last]] = best_last
    return found
