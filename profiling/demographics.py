"""Age and gender of a face, read by a linear probe from what the embedding network computed anyway.

Networks that tell people apart know age and gender without having been asked: no second network is needed. One face's
answer is rough (the model's card says how rough); take the median over a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAX_AGE = 100.0  # years; answers are clipped to 0 .. MAX_AGE
GENDER_FROM = 16.0  # years; the gender probe learns from these and older: a child's face hardly shows it
# Ridge's alpha and logistic regression's C, on standardised features. Which is best depends on how many features there
# are and how alike (UTKFace: 128 of dlib 100 and .03, 712 of EdgeFace-XS 1,000 and .01), so a fit chooses by itself.
AGE_PENALTIES = (30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)
GENDER_INVERSE_PENALTIES = (0.1, 0.03, 0.01, 0.003, 0.001)
FOLDS = 3  # of the choice: face i is judged by the faces whose place differs modulo 3
LEAST_SPREAD = 1e-6  # a feature that never changes is not blown up by its standardisation

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LinearProbe:
    """``intercept + sum(coefficients * (features - mean) / scale)``; the three arrays are float32 [k]."""

    mean: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    def read(self, features: Floats) -> npt.NDArray[np.float64]:
        """One number for each row of `features`, float32 [n, k]; a row's bits do not depend on the other rows."""
        standard = (features.astype(np.float64) - self.mean) / self.scale
        total: npt.NDArray[np.float64] = (standard * self.coefficients).sum(axis=1) + self.intercept
        return total


def read_age(probe: LinearProbe, features: Floats) -> Floats:
    """Age in years, float32 [n], 0 to 100."""
    return np.clip(probe.read(features), 0.0, MAX_AGE).astype(np.float32)


def read_female(probe: LinearProbe, features: Floats) -> Floats:
    """Probability that the face is a woman's, float32 [n], 0 to 1, as far as features of this kind can tell."""
    return (0.5 * (1.0 + np.tanh(0.5 * probe.read(features)))).astype(np.float32)


def fit_age_probe(features: Floats, years: npt.NDArray[np.floating], penalty: float | None = None) -> LinearProbe:
    """Least squares with a penalty. `features` float32 [n, k], `years` [n] in 0 to 120.

    `penalty` None: that of `AGE_PENALTIES` with the smallest mean error on folds left out.
    """
    wanted = np.clip(years, 0.0, MAX_AGE)
    if penalty is None:

        def error(tried: float, train: Flags, test: Flags) -> float:
            probe = fit_age_probe(features[train], wanted[train], tried)
            return float(np.abs(read_age(probe, features[test]) - wanted[test]).mean())

        penalty = _least(AGE_PENALTIES, len(features), error)
    mean, scale = _standard(features)
    from sklearn.linear_model import Ridge  # a second of import that only fitting needs

    model = Ridge(alpha=penalty).fit((features - mean) / scale, wanted)
    return LinearProbe(mean, scale, model.coef_.astype(np.float32), float(np.float32(model.intercept_)))


def fit_gender_probe(features: Floats, female: Flags, inverse_penalty: float | None = None) -> LinearProbe:
    """Logistic regression with a penalty. `features` float32 [n, k], `female` bool [n] with both values present.

    Give it faces of people from `GENDER_FROM` years on. `inverse_penalty` None: that of `GENDER_INVERSE_PENALTIES`
    that gives folds left out the best likelihood (the share of right answers jumps by whole faces).
    """
    if inverse_penalty is None:

        def surprise(tried: float, train: Flags, test: Flags) -> float:
            if len(np.unique(female[train])) < 2:
                return np.inf
            logit = fit_gender_probe(features[train], female[train], tried).read(features[test])
            return float(np.logaddexp(0.0, np.where(female[test], -logit, logit)).mean())

        inverse_penalty = _least(GENDER_INVERSE_PENALTIES, len(features), surprise)
    mean, scale = _standard(features)
    from sklearn.linear_model import LogisticRegression  # a second of import that only fitting needs

    model = LogisticRegression(C=inverse_penalty, max_iter=1000).fit((features - mean) / scale, female)
    return LinearProbe(mean, scale, model.coef_[0].astype(np.float32), float(np.float32(model.intercept_[0])))


def _least(tried: Sequence[float], n: int, loss: Callable[[float, Flags, Flags], float]) -> float:
    """The first of `tried` with the smallest mean loss over `FOLDS` folds of n rows."""
    fold = np.arange(n) % FOLDS
    return min(tried, key=lambda one: np.mean([loss(one, fold != k, fold == k) for k in range(FOLDS)]))


def _standard(features: Floats) -> tuple[Floats, Floats]:
    wide = features.astype(np.float64)
    return wide.mean(axis=0).astype(np.float32), np.maximum(wide.std(axis=0), LEAST_SPREAD).astype(np.float32)
