"""What to do when two friends claim one face, round after round.

A cluster that a friend's profile is near weighs less. So when a user leads with their own face and a friend, wrongly,
leads with it too, both may let go of it in the next round, see it unclaimed, take it up again in the one after, and so
on for ever. Therefore who has given way to a friend once must stand out far more to come back, and who has given way
twice does not come back: a face that friends dispute is nobody's but those who can hold it.
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
LAST_LOSS = 2  # losses after which a cluster stays out


@dataclass(frozen=True)
class Claims:
    """Who claimed which cluster in the last round.

    Parameters
    ----------
    owner, number : int64 [clusters], place of the user, number of the cluster.
    before : int64 [users], number of the cluster that led in the last round, -1 = none.
    lost : int64 [users], number of the cluster that last gave way to a friend, -1 = none.
    losses : int64 [users], how often that cluster did.
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
        return cls(owner, number, *(integers(last[name]) for name in ("leader", "lost", "losses")))

    def barred(self, weight: Floats, asked: float) -> Flags:
        """Clusters that may not lead, bool [clusters]: they gave way and do not stand out enough to come back."""
        gave = self.number == self.lost[self.owner]
        others = np.full(len(self.before), 0.0)
        np.maximum.at(others, self.owner[~gave], weight[~gave])
        strong = weight - others[self.owner] >= RETURN_LEAD * asked
        holds = self.number == self.before[self.owner]
        back = (self.losses[self.owner] < LAST_LOSS) & (strong | holds)
        return np.asarray(gave & ~back)

    def after(self, leaders: Leaders, distance: Floats) -> Claims:
        """The claims with those that gave way in this round; `distance` float64 [clusters] to the nearest friend."""
        now = np.append(self.number, NO_CLUSTER)[leaders.leader]
        led = self.number == self.before[self.owner]
        gave = led & (now[self.owner] != self.number) & (distance < NEAR)
        users, numbers = self.owner[gave], self.number[gave]
        lost, losses = self.lost.copy(), self.losses.copy()
        losses[users] = np.where(lost[users] == numbers, losses[users] + 1, 1)
        lost[users] = numbers
        return Claims(self.owner, self.number, now, lost, losses)
