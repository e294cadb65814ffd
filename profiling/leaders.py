"""Which cluster is the owner: one, two for a joint account, or none and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.friend_evidence import NEAR

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

REASONS = {
    "ok": "has a profile",
    "no_consent": "has not consented; nothing was looked at",
    "no_photos": "the album has no photos",
    "decode_failures": "none of the selected photos could be read",
    "no_faces": "no face was found on the selected photos",
    "nonfaces": "all that was found is too uncertain to be a face",
    "no_cluster": "no face was seen on two photos",
    "no_margin": "no person stands out from the others in the album",
    "looks_like_friend": "whoever stands out looks like a friend",
}

JOINT_WEIGHT = 0.9  # both leaders of a joint account at least; 1 is an owner, -1 is none
JOINT_LEAD = 3.0  # margins by which the weaker of two leaders must exceed the third
NOBODY = 0.0  # weight of the runner-up that is always there: the middle between an owner and none


@dataclass(frozen=True)
class Leaders:
    """The choice for each user, arrays [users].

    Parameters
    ----------
    best : int64, place of the heaviest cluster, -1 = the user has none.
    leader, second : int64, place of the clusters that are the owner, -1 = none.
    weight : float64, of `best`; margin : its lead over the runner-up, or the weight itself without one; both NaN
        without clusters.
    reason : object, a code of `REASONS`: "ok", "no_margin", "looks_like_friend", or "" without clusters.
    """

    best: Ints
    leader: Ints
    second: Ints
    weight: Floats
    margin: Floats
    reason: npt.NDArray[np.object_]


def choose_leaders(
    user: Ints, weight: Floats, friend_distance: Floats, users: int, asked: float, barred: Flags | None = None
) -> Leaders:
    """Choose by margin.

    Parameters
    ----------
    user : int64 [clusters], place of the owner, ascending; of equal weights the first cluster wins.
    weight : float64 [clusters]. friend_distance : float64 [clusters], in units of eps, NaN = not known.
    asked : the least margin, over the runner-up and over "nobody".
    barred : bool [clusters] or None; such a cluster belongs to a friend: it neither leads nor is a runner-up.

    Notes
    -----
    One leader when the heaviest cluster leads by the margin. Two, the joint account, when they do not lead each other
    but both weigh `JOINT_WEIGHT`, neither is a friend, and both lead all others by `JOINT_LEAD` margins: rather none
    than a stranger's face in a profile.
    """
    free = weight if barred is None else np.where(barred, -np.inf, weight)
    place, top = _heaviest(user, free, users)
    known = place[:, 0] >= 0
    rivalled = np.isfinite(top[:, 1])  # a barred runner-up weighs -inf
    margin = top[:, 0] - np.where(rivalled, top[:, 1], 0.0)
    one = known & (np.fmin(margin, top[:, 0] - NOBODY) >= asked)
    distance = np.append(np.nan_to_num(friend_distance, nan=np.inf), np.inf)
    friendly = distance[place[:, :2]] < NEAR
    behind = top[:, 1] - np.fmax(top[:, 2], NOBODY) >= JOINT_LEAD * asked
    joint = known & ~one & (top[:, 1] >= JOINT_WEIGHT) & behind & ~friendly.any(axis=1)
    reason = np.where(friendly[:, 0] | np.isneginf(top[:, 0]), "looks_like_friend", "no_margin").astype(object)
    reason[one | joint] = "ok"
    reason[~known] = ""
    shown = np.append(weight, np.nan)[place[:, 0]]
    return Leaders(
        best=place[:, 0],
        leader=np.where(one | joint, place[:, 0], -1),
        second=np.where(joint, place[:, 1], -1),
        weight=shown,
        margin=np.where(np.isfinite(margin), margin, shown),
        reason=reason,
    )


def _heaviest(user: Ints, weight: Floats, users: int) -> tuple[Ints, Floats]:
    """Places and weights of the three heaviest clusters of each user, [users, 3]; -1 and NaN where there are fewer."""
    order = np.lexsort((np.arange(len(user)), -weight, user))
    start = np.searchsorted(user, np.arange(users))
    count = np.searchsorted(user, np.arange(users), "right") - start
    place = np.full((users, 3), -1, np.int64)
    top = np.full((users, 3), np.nan)
    for rank in range(3):
        there = count > rank
        place[there, rank] = order[start[there] + rank]
        top[there, rank] = weight[place[there, rank]]
    return place, top
