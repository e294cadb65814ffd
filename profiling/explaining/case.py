"""One user in one round, ready to be weighed again by the very functions that weighed them in the build."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.albums import integers, numbers
from profiling.claims import Claims
from profiling.joint_accounts import second_leaders
from profiling.leaders import Leaders, choose_leaders
from profiling.scorer import Scorer
from profiling.tables import EVIDENCE

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FRIEND_DISTANCE = EVIDENCE.index("friend_distance")


@dataclass(frozen=True)
class Case:
    """What one round knew of one user.

    Parameters
    ----------
    users : the user's row. last : the user's row of the last round's table ``profiles``, None in round 0.
    number, photos : int64 [clusters], the former ascending. matrix : float64 [clusters, evidence], NaN = not known.
    scorer, round_number, asked : the weights, the round, and its margin.
    """

    users: pa.Table
    last: pa.Table | None
    number: Ints
    photos: Ints
    matrix: Floats
    scorer: Scorer
    round_number: int
    asked: float

    @property
    def contributions(self) -> Floats:
        """What each piece of evidence adds to each cluster's weight, float64 [clusters, evidence]."""
        return self.scorer.contributions(self.matrix, self.round_number)

    def weigh(self, matrices: Floats) -> Floats:
        """Weights float64 [n, clusters] of n other states of the evidence, [n, clusters, evidence]."""
        flat = matrices.reshape(-1, matrices.shape[2])
        return self.scorer.weigh(flat, self.round_number).reshape(matrices.shape[:2])

    def decide(self, matrices: Floats) -> tuple[Leaders, Flags]:
        """Leaders, one entry a state, and who was barred, bool [n, clusters]; places count through all n states."""
        states, clusters = matrices.shape[:2]
        same = pa.array(np.zeros(states, np.int64))
        owner = np.repeat(np.arange(states), clusters)
        last = None if self.last is None else self.last.take(same)
        claims = Claims.of(owner, np.tile(self.number, states), self.users.take(same), last)
        weight = self.weigh(matrices).ravel()
        barred = claims.barred(weight, self.asked)
        distance = matrices[:, :, FRIEND_DISTANCE].ravel()
        leaders = choose_leaders(owner, weight, distance, states, self.asked, barred)
        solo, avatar = (matrices[:, :, EVIDENCE.index(name)].ravel() for name in ("solo", "avatar"))
        partner = second_leaders(owner, leaders.leader, np.tile(self.photos, states), solo, avatar)
        second = np.where(leaders.second < 0, partner, leaders.second)
        return replace(leaders, second=second), barred.reshape(states, clusters)


def read_case(
    user_id: int,
    users: pa.Table,
    clusters: pa.Table,
    scores: pa.Table,
    last: pa.Table | None,
    scorer: Scorer,
    round_number: int,
    margin: float | None,
) -> Case:
    """One user's case out of the tables of a bucket; `margin` is the one of the settings, None = the scorer's."""
    clusters, scores = (_mine(table, user_id).sort_by("cluster") for table in (clusters, scores))
    return Case(
        users=_mine(users, user_id),
        last=None if last is None else _mine(last, user_id),
        number=integers(scores["cluster"]),
        photos=integers(clusters["photos"]),
        matrix=read_evidence(clusters, scores),
        scorer=scorer,
        round_number=round_number,
        asked=scorer.asked(round_number, margin),
    )


def read_evidence(clusters: pa.Table, scores: pa.Table) -> Floats:
    """All columns of `tables.EVIDENCE` of tables `clusters` and `scores` in one order, float64, NaN = not known."""
    return np.stack([_column(name, scores, clusters) for name in EVIDENCE], axis=1)


def _column(name: str, *tables: pa.Table) -> Floats:
    """The column of the first table that has it; not known where none has, as in older generations."""
    for table in tables:
        if name in table.column_names:
            return numbers(table[name])
    return np.full(len(tables[0]), np.nan)


def _mine(table: pa.Table, user_id: int) -> pa.Table:
    return table.filter(pc.equal(table["user_id"], user_id))
