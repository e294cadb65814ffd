"""Thresholds from faces whose people are known, at any scale of distances."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from profiling.embedding.identities import fit_thresholds, pair_similarities
from tests.profiling.embedding.crowd import crowd


def test_pairs_are_those_of_scikit_learn() -> None:
    vectors, people = crowd(0.3, people=7, photos=4)
    same, different = pair_similarities(vectors, people)
    cosine = 1 - pairwise_distances(vectors.astype(np.float16), metric="cosine")
    first, second = np.triu_indices(len(people), 1)
    one = people[first] == people[second]
    assert np.allclose(np.sort(same), np.sort(cosine[first, second][one]), atol=1e-5)
    assert np.allclose(np.sort(different), np.sort(cosine[first, second][~one]), atol=1e-5)


def test_thresholds_let_their_share_of_strangers_pass() -> None:
    different = np.random.default_rng(1).normal(0.5, 0.1, 200_000).astype(np.float32)
    for rate, cosine in fit_thresholds(different).items():
        assert (different >= cosine).mean() == pytest.approx(float(rate), rel=0.25)
