"""What to do when two friends claim one face, round after round.

A cluster that a friend's profile is near weighs less. So when a user leads with their own face and a friend, wrongly,
leads with it too, both may let go of it in the next round, see it unclaimed, take it up again in the one after, and so
on for ever. Therefore a cluster that has given way to a friend must stand out far more to lead again; after a second
loss it does not lead again, and after a third its user takes up no cluster any more: a face that friends dispute is
nobody's but those who can hold it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import integers
from profiling.friend_evidence import NEAR
from profiling.leaders import Leaders
from profiling.tables import NO_CLUSTER

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

RETURN_LEAD = 5.0  # margins; strangers' clusters that came back led by .73 at most at a margin of .15 (dev population)
LAST_LOSS = 2  # losses of a user after which the cluster lost last stays out
STATE = ("leader", "lost", "losses")  # columns of the last round's table `profiles` that claims are read from
NOTHING_NEW = 3  # losses of a user after which only a cluster that leads already may lead


@dataclass(frozen=True)
class Claims:
    """Who claimed which cluster in the last round.

    Parameters
    ----------
    owner, number : int64 [clusters], place of the user, number of the cluster.
    before : int64 [users], number of the cluster that led in the last round, -1 = none.
    lost : int64 [users], number of the cluster that last gave way to a friend, -1 = none.
    losses : int64 [users], how often the user's leader did.
    """

    owner: Ints
    number: Ints
    before: Ints
    lost: Ints
    losses: Ints

    @classmethod
    def of(cls, owner: Ints, number: Ints, users: pa.Table, last: pa.Table | None) -> Claims:
        """Read the last round's table ``profiles``; None = there was none."""
        if last is None:
            nothing = np.full(len(users), NO_CLUSTER, np.int64)
            return cls(owner, number, nothing, nothing, np.zeros(len(users), np.int64))
        return cls(owner, number, *(integers(last[name]) for name in STATE))

    def barred(self, weight: Floats, asked: float) -> Flags:
        """Clusters that may not lead, bool [clusters], because they, or others of their user, gave way to friends."""
        gave = self.number == self.lost[self.owner]
        others = np.full(len(self.before), 0.0)
        np.maximum.at(others, self.owner[~gave], weight[~gave])
        strong = weight - others[self.owner] >= RETURN_LEAD * asked
        losses = self.losses[self.owner]
        out = (gave & ~(strong & (losses < LAST_LOSS))) | (losses >= NOTHING_NEW)
        return np.asarray(out & (self.number != self.before[self.owner]))

    def after(self, leaders: Leaders, distance: Floats) -> Claims:
        """The claims with those that gave way in this round; `distance` float64 [clusters] to the nearest friend."""
        now = np.append(self.number, NO_CLUSTER)[leaders.leader]
        led = self.number == self.before[self.owner]
        gave = led & (now[self.owner] != self.number) & (distance < NEAR)
        users, numbers = self.owner[gave], self.number[gave]
        lost, losses = self.lost.copy(), self.losses.copy()
        losses[users] += 1
        lost[users] = numbers
        return Claims(self.owner, self.number, now, lost, losses)
