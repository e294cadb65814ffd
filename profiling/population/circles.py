"""Who could be on a user's photos, from the population folder alone: the user and the friends."""

from __future__ import annotations

import numpy as np

from profiling.population.folder import Population


class PopulationCircle:
    """The friendships of a population, in memory: 16 bytes an end of each."""

    def __init__(self, population: Population) -> None:
        batches = [checked.rows for checked in population.batches("users")]
        ids = np.concatenate([np.asarray(rows["user_id"], np.int64)[np.asarray(rows["consent"])] for rows in batches])
        self._ids = np.unique(ids)
        found = (checked.rows for checked in population.batches("friendships"))
        pairs = [np.column_stack([np.asarray(rows[name], np.int64) for name in ("user_a", "user_b")]) for rows in found]
        one = np.concatenate([np.zeros((0, 2), np.int64), *pairs])
        both = np.concatenate([one, one[:, ::-1]])
        both = both[np.isin(both, self._ids).all(axis=1)]
        order = np.lexsort([both[:, 1], both[:, 0]])
        self._user, self._friend = both[order, 0], both[order, 1]

    def __call__(self, user: int) -> list[int]:
        """Ids of the user and the friends, sorted; nobody where the user is unknown or has not consented."""
        place = int(np.searchsorted(self._ids, user))
        if place == len(self._ids) or self._ids[place] != user:
            return []
        start, stop = np.searchsorted(self._user, [user, user + 1])
        return [int(each) for each in np.unique(np.append(self._friend[start:stop], user))]
