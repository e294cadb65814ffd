"""Margins for another precision: what training would have chosen, from what it remembers of its held-back users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.embedding import get_model
from profiling.errors import ModelError, SettingsError
from profiling.margins import FIRST_MARGIN, LIMITS, choose_margin, curve
from profiling.scorer import RoundWeights, Scorer, load_scorer
from profiling.settings import load_settings
from profiling.tables import EVIDENCE
from profiling.wanted_precision import aim_scorer

USERS, REPEATS, STEP = 4000, 2, 0.05  # users with a cluster of their own; of the curve


def drawn_scorer(seed: int) -> tuple[Scorer, list[tuple[np.ndarray, np.ndarray]]]:
    """A scorer that remembers held-back users who are right the oftener the further their cluster leads."""
    rng = np.random.default_rng(seed)
    decisions, learned, rounds = [], [], []
    for _ in range(3):
        strength = rng.uniform(0, 2, REPEATS * USERS)
        right = rng.random(len(strength)) < 1 - 0.2 * np.exp(-4 * strength)
        decisions.append((strength, right))
        learned.append({"curve": curve(strength, right, REPEATS, USERS)})
        n = len(EVIDENCE)
        rounds.append(RoundWeights(np.zeros(n), np.ones(n), np.ones(n), 0.0, 0.5))
    about = {"wanted_precision": 0.99, "with_own_cluster": USERS, "cross_validated": learned}
    return Scorer("a" * 64, tuple(rounds), about), decisions


@given(wanted=st.sampled_from([0.9, 0.95, 0.97, 0.985, 0.995]), seed=st.integers(0, 3))
def test_the_margin_is_the_one_that_training_would_have_chosen_but_for_the_curves_steps(
    wanted: float, seed: int
) -> None:
    scorer, decisions = drawn_scorer(seed)
    aimed = aim_scorer(scorer, wanted)
    for number, (entry, decided) in enumerate(zip(aimed.rounds, decisions, strict=True)):
        trained = choose_margin(*decided, REPEATS, wanted, LIMITS[0] if number else FIRST_MARGIN)
        assert trained - 1e-9 <= entry.margin < trained + STEP


def test_more_precision_never_asks_for_less() -> None:
    scorer, _ = drawn_scorer(1)
    margins = [aim_scorer(scorer, wanted).margin for wanted in (0.9, 0.96, 0.98, 0.995)]
    assert margins == sorted(margins)
    assert margins[0] < margins[-1]


def test_the_aimed_scorer_is_another_one_and_says_of_which() -> None:
    scorer, _ = drawn_scorer(0)
    aimed = aim_scorer(scorer, 0.97)
    assert aimed.id != scorer.id
    assert (aimed.provenance["margins_of"], aimed.provenance["wanted_precision"]) == (scorer.id, 0.97)
    assert Scorer.from_json(aimed.to_json()).id == aimed.id
    assert all((a.coefficients == b.coefficients).all() for a, b in zip(aimed.rounds, scorer.rounds, strict=True))
    assert aim_scorer(scorer, 0.99) is scorer, "it was trained for that"


def test_a_promise_that_too_few_users_can_give_is_refused() -> None:
    shipped = load_scorer(get_model("dlib").sha256)
    users = shipped.provenance["with_own_cluster"]
    least = (users + 1) / (users + 2)  # all of them right
    with pytest.raises(ModelError, match=rf"^scoring.precision 0.999: the {users} held-back users of scorer") as error:
        aim_scorer(shipped, 0.999)
    assert float(str(error.value).partition("promise ")[2].split()[0]) <= least
    assert "\n" not in str(error.value)
    assert aim_scorer(shipped, 0.95).margin == LIMITS[0]


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"with_own_cluster": 10},
        {"with_own_cluster": 10, "cross_validated": [{"curve": []}] * 3},
        {"with_own_cluster": 10, "cross_validated": [{"curve": [{"margin": 0.2}]}] * 3},
        {"with_own_cluster": 10, "cross_validated": "none"},
    ],
)
def test_a_scorer_without_a_curve_is_one_line(about: dict[str, Any]) -> None:
    scorer = replace(drawn_scorer(0)[0], provenance=about)
    with pytest.raises(
        ModelError, match=f"^scoring.precision: scorer {scorer.id} keeps no curve of precision .* train"
    ):
        aim_scorer(scorer, 0.97)


def test_margin_and_precision_are_not_given_together() -> None:
    with pytest.raises(SettingsError, match="give one of them"):
        load_settings(None, {"scoring.margin": "0.3", "scoring.precision": "0.99"})
    with pytest.raises(SettingsError, match=r"scoring\.precision"):
        load_settings(None, {"scoring.precision": "1.2"})
