"""The age and gender probe."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from profiling.demographics import (
    AGE_PENALTIES,
    MAX_AGE,
    LinearProbe,
    fit_age_probe,
    fit_gender_probe,
    read_age,
    read_female,
)

Floats = npt.NDArray[np.float32]
PEOPLE, FEATURES = 400, 12


def _people() -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    random = np.random.default_rng(0)
    features = (random.normal(size=(PEOPLE, FEATURES)) * random.uniform(0.01, 5, FEATURES) + 3).astype(np.float32)
    years = np.clip(45 + 20 * (features[:, 0] - 3) / features[:, 0].std(), 0, 116).astype(np.float32)
    return features, years, (features[:, 1] - 3) / features[:, 1].std() + random.normal(0, 0.3, PEOPLE) > 0


def test_age_is_that_of_scikit_learns_pipeline() -> None:
    features, years, _ = _people()
    oracle = make_pipeline(StandardScaler(), Ridge(alpha=100.0)).fit(features, np.clip(years, 0, MAX_AGE))
    read = read_age(fit_age_probe(features, years, 100.0), features)
    assert np.allclose(read, np.clip(oracle.predict(features), 0, MAX_AGE), atol=1e-3)


def test_gender_is_that_of_scikit_learns_pipeline() -> None:
    features, _, female = _people()
    oracle = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(features, female)
    read = read_female(fit_gender_probe(features, female, 0.1), features)
    assert np.allclose(read, oracle.predict_proba(features)[:, 1], atol=1e-3)


def test_planted_age_and_gender_are_found_on_other_people() -> None:
    features, years, female = _people()
    half = PEOPLE // 2
    age = read_age(fit_age_probe(features[:half], years[:half], penalty=0.1), features[half:])
    gender = read_female(fit_gender_probe(features[:half], female[:half]), features[half:])
    assert np.abs(age - np.clip(years[half:], 0, MAX_AGE)).mean() < 2
    assert ((gender > 0.5) == female[half:]).mean() > 0.85


def test_order_of_the_people_does_not_matter_to_what_is_read() -> None:
    features, years, female = _people()
    order = np.random.default_rng(1).permutation(PEOPLE)
    assert np.allclose(
        read_age(fit_age_probe(features, years, 100.0), features),
        read_age(fit_age_probe(features[order], years[order], 100.0), features),
        atol=1e-3,
    )
    assert np.allclose(
        read_female(fit_gender_probe(features, female, 0.1), features),
        read_female(fit_gender_probe(features[order], female[order], 0.1), features),
        atol=1e-3,
    )


def test_the_penalty_is_chosen_by_what_reads_other_faces_best() -> None:
    random = np.random.default_rng(2)
    features = random.normal(size=(240, 150)).astype(np.float32)  # many features, one of them speaks softly
    years = np.clip(40 + 5 * features[:, 0] + random.normal(0, 20, 240), 0, 100)
    plain = features[:, :3]
    assert (
        np.abs(fit_age_probe(features, years).coefficients).sum()
        < 0.5 * np.abs(fit_age_probe(features, years, AGE_PENALTIES[0]).coefficients).sum()
    )
    exact = fit_age_probe(plain, np.clip(50 + 10 * plain[:, 0], 0, 100))  # nothing to guard against
    assert np.array_equal(
        exact.coefficients, fit_age_probe(plain, np.clip(50 + 10 * plain[:, 0], 0, 100), AGE_PENALTIES[0]).coefficients
    )
    women = random.uniform(size=240) < 1 / (1 + np.exp(-features[:, 1]))
    chosen, loose = fit_gender_probe(features, women), fit_gender_probe(features, women, 0.1)
    assert np.abs(chosen.coefficients).sum() < np.abs(loose.coefficients).sum()


def test_a_feature_that_never_changes_is_harmless() -> None:
    features, years, female = _people()
    features[:, 3] = 7.0
    assert np.isfinite(read_age(fit_age_probe(features, years), features)).all()
    assert np.isfinite(read_female(fit_gender_probe(features, female), features)).all()


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20), st.floats(-1e3, 1e3))
def test_answers_stay_in_their_range(values: list[float], intercept: float) -> None:
    one = np.ones(1, np.float32)
    probe = LinearProbe(0 * one, one, one, intercept)
    features = np.array(values, np.float32)[:, None]
    age, female = read_age(probe, features), read_female(probe, features)
    assert ((age >= 0) & (age <= MAX_AGE)).all()
    assert np.allclose(female, expit(features[:, 0].astype(np.float64) + intercept), atol=1e-6)


@given(st.lists(st.integers(0, PEOPLE - 1), min_size=1, max_size=50))
def test_an_answer_keeps_its_bits_in_any_company(chosen: list[int]) -> None:
    features, years, _ = _people()
    probe = fit_age_probe(features, years)
    assert np.array_equal(read_age(probe, features[chosen]), read_age(probe, features)[chosen])
