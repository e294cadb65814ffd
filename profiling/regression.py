"""Ridge regression of "is this cluster the owner" on standardised evidence, with known directions.

Least squares with targets 1 (owner) and -1, as the seed article has it. Albums of the same kind teach one another too
little to overrule what each piece of evidence is for: a coefficient may vanish, but not turn against its docstring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from profiling.tables import EVIDENCE

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

RIDGE = 3.0  # users' worth of pull towards the prior; .3 to 30 differ by less than one leader in cross-validation
AGAINST = frozenset(  # evidence that speaks against being the owner
    {"tags_rejected", "tags_others", "same_photo", "friend_share", "friends_near", "friend_runner_up"}
)
KIN = {  # where the labelled users have none of this evidence, a unit of it is worth so many units of another
    "tags_confirmed": ("tags_owner", 2.0),
    "tags_rejected": ("tags_owner", -1.0),
}
PRIOR = {"age_agreement": 0.05}  # coefficients that the ridge pulls to, all others to 0
STIFF = {"age_agreement": 20.0}  # times RIDGE; on the dev population most ages are drawn by lot and teach only noise
CERTAIN_SCALE = 1e-6  # evidence that varies less than this among the labelled clusters tells nothing
DECIMALS = 9  # of what is learned: beyond them machines differ


@dataclass(frozen=True)
class Fitted:
    """As in `scorer.RoundWeights`, without a margin."""

    means: Floats
    scales: Floats
    coefficients: Floats
    intercept: float

    def weigh(self, matrix: Floats) -> Floats:
        """Weight of each cluster, float64 [clusters]."""
        standard = (matrix - self.means) / self.scales
        return np.where(np.isnan(standard), 0.0, standard) @ self.coefficients + self.intercept


def fit_weights(
    matrix: Floats, owned: Flags, owner: Ints, rows: Flags, stated: Mapping[str, float] | None = None
) -> Fitted:
    """Fit on some clusters.

    Parameters
    ----------
    matrix : float64 [clusters, evidence] in the order of `tables.EVIDENCE`, NaN = not known.
    owned : bool [clusters], the target. owner : int64 [clusters], place of the user: each user weighs 1, shared by
        their clusters, so that big albums do not dominate. rows : bool [clusters], which to fit on.
    stated : what a unit of some evidence is worth, said and not learned, because the labels were read from it.
    """
    told = np.array([name in (stated or {}) for name in EVIDENCE])
    matrix, owned, owner = matrix[rows], owned[rows], owner[rows]
    known = ~np.isnan(matrix)
    means = np.where(known, matrix, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, matrix - means, 0.0)
    scales = np.sqrt((centred**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    varies = scales > CERTAIN_SCALE
    telling, scales = varies & ~told, np.where(varies, scales, 1.0)
    root = np.sqrt(1.0 / np.bincount(owner)[owner])
    pull = np.sqrt(RIDGE * np.array([STIFF.get(name, 1.0) for name in EVIDENCE]))
    prior = np.array([PRIOR.get(name, 0.0) for name in EVIDENCE])
    design = np.column_stack([centred / scales, np.ones(len(matrix))]) * root[:, None]
    target = np.where(owned, 1.0, -1.0) * root
    design = np.vstack([design, np.column_stack([np.diag(pull), np.zeros(len(pull))])])
    target = np.concatenate([target, pull * prior])
    found = lsq_linear(design, target, bounds=_bounds(telling), method="bvls").x
    coefficients = np.where(telling, np.round(found[:-1], DECIMALS), 0.0)
    for name, unit in (stated or {}).items():
        here = EVIDENCE.index(name)
        coefficients[here] = np.round(unit * scales[here], DECIMALS)
    for name, (kin, worth) in KIN.items():
        here, there = EVIDENCE.index(name), EVIDENCE.index(kin)
        if not varies[here]:
            means[here], scales[here], coefficients[here] = 0.0, scales[there], worth * coefficients[there]
    return Fitted(_rounded(means), _rounded(scales), coefficients, float(np.round(found[-1], DECIMALS)))


def _rounded(values: npt.NDArray[Any]) -> Floats:
    return np.asarray(np.round(values, DECIMALS), np.float64)


def _bounds(telling: Flags) -> tuple[Floats, Floats]:
    """Lower and upper bounds of the coefficients and the intercept; evidence that tells nothing is left near 0."""
    against = np.array([name in AGAINST for name in EVIDENCE])
    lower = np.where(telling & against, -np.inf, 0.0)
    upper = np.where(telling & ~against, np.inf, CERTAIN_SCALE * ~telling)
    return np.append(lower, -np.inf), np.append(upper, np.inf)
