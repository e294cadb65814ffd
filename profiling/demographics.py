"""Age and gender of a face, read by a linear probe from what the embedding network computed anyway.

Networks that tell people apart know age and gender without having been asked: no second network is needed. One face's
answer is rough (the model's card says how rough); take the median over a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAX_AGE = 100.0  # years; answers are clipped to 0 .. MAX_AGE
GENDER_FROM = 16.0  # years; the gender probe learns from these and older: a child's face hardly shows it
AGE_PENALTY = 100.0  # ridge, standardised features; UTKFace, dlib: mean error 8.90 years for 10 to 300, 9.09 for 1000
GENDER_INVERSE_PENALTY = 0.1  # logistic regression's C; UTKFace, dlib: right on .962 of adults, .960 at .01, .956 at 1
LEAST_SPREAD = 1e-6  # a feature that never changes is not blown up by its standardisation

Floats = npt.NDArray[np.float32]


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


def fit_age_probe(features: Floats, years: npt.NDArray[np.floating], penalty: float = AGE_PENALTY) -> LinearProbe:
    """Least squares with a penalty. `features` float32 [n, k], `years` [n] in 0 to 120."""
    mean, scale = _standard(features)
    from sklearn.linear_model import Ridge  # a second of import that only fitting needs

    model = Ridge(alpha=penalty).fit((features - mean) / scale, np.clip(years, 0.0, MAX_AGE))
    return LinearProbe(mean, scale, model.coef_.astype(np.float32), float(np.float32(model.intercept_)))


def fit_gender_probe(
    features: Floats, female: npt.NDArray[np.bool_], inverse_penalty: float = GENDER_INVERSE_PENALTY
) -> LinearProbe:
    """Logistic regression with a penalty. `features` float32 [n, k], `female` bool [n] with both values present.

    Give it faces of people from `GENDER_FROM` years on.
    """
    mean, scale = _standard(features)
    from sklearn.linear_model import LogisticRegression  # a second of import that only fitting needs

    model = LogisticRegression(C=inverse_penalty, max_iter=1000).fit((features - mean) / scale, female)
    return LinearProbe(mean, scale, model.coef_[0].astype(np.float32), float(np.float32(model.intercept_[0])))


def _standard(features: Floats) -> tuple[Floats, Floats]:
    wide = features.astype(np.float64)
    return wide.mean(axis=0).astype(np.float32), np.maximum(wide.std(axis=0), LEAST_SPREAD).astype(np.float32)
