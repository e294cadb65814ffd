"""The scorer and its file: what it adds up, what missing evidence does, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profiling.embedding import get_model
from profiling.errors import ModelError
from profiling.scorer import RoundWeights, Scorer, load_scorer
from profiling.tables import EVIDENCE

SHA = "a" * 64
RNG = np.random.default_rng(0)


def weights(margin: float = 0.3) -> RoundWeights:
    n = len(EVIDENCE)
    return RoundWeights(RNG.normal(size=n), RNG.uniform(0.1, 2, size=n), RNG.normal(size=n), 0.25, margin)


@pytest.fixture
def scorer() -> Scorer:
    return Scorer(SHA, (weights(0.1), weights(0.2), weights(0.3)), {"on": "nothing"})


def test_the_file_gives_back_the_same_numbers(scorer: Scorer) -> None:
    again = Scorer.from_json(scorer.to_json())
    assert again.to_json() == scorer.to_json()
    assert again.id == scorer.id
    matrix = RNG.normal(size=(5, len(EVIDENCE)))
    np.testing.assert_array_equal(again.weigh(matrix, 1), scorer.weigh(matrix, 1))


def test_the_id_hangs_on_numbers_not_on_provenance(scorer: Scorer) -> None:
    assert replace(scorer, provenance={}).id == scorer.id
    assert replace(scorer, rounds=scorer.rounds[:2]).id != scorer.id
    assert replace(scorer, model_sha256="b" * 64).id != scorer.id


def test_later_rounds_use_the_last_entry(scorer: Scorer) -> None:
    matrix = RNG.normal(size=(3, len(EVIDENCE)))
    assert scorer.of_round(7) is scorer.rounds[2]
    np.testing.assert_array_equal(scorer.weigh(matrix, 9), scorer.weigh(matrix, 2))
    assert scorer.margin == 0.3


def test_missing_evidence_is_read_as_the_mean(scorer: Scorer) -> None:
    matrix = np.tile(scorer.rounds[0].means, (2, 1))
    matrix[1, ::2] = np.nan
    np.testing.assert_allclose(scorer.weigh(matrix, 0), [0.25, 0.25])
    assert (scorer.contributions(matrix, 0) == 0).all()


def test_contributions_and_intercept_add_up_to_the_weight(scorer: Scorer) -> None:
    matrix = RNG.normal(size=(50, len(EVIDENCE)))
    parts = scorer.contributions(matrix, 0)
    np.testing.assert_allclose(parts.sum(axis=1) + 0.25, scorer.weigh(matrix, 0))


def test_company_changes_no_bit_of_a_weight(scorer: Scorer) -> None:
    matrix = RNG.normal(size=(1001, len(EVIDENCE)))
    alone = np.array([scorer.weigh(row[None], 0)[0] for row in matrix])
    np.testing.assert_array_equal(scorer.weigh(matrix, 0), alone)


@pytest.mark.parametrize(
    "damage",
    [
        lambda about: about.pop("rounds"),
        lambda about: about.update(rounds=[]),
        lambda about: about["rounds"][0].update(margin=0.31),
        lambda about: about["rounds"][0]["coefficients"].pop(),
        lambda about: about["rounds"][0]["scales"].__setitem__(0, 0.0),
        lambda about: about.update(format=99),
        lambda about: about.update(features=["size"]),
    ],
)
def test_a_damaged_file_is_one_clear_error(scorer: Scorer, tmp_path: Path, damage: object) -> None:
    about = json.loads(scorer.to_json())
    damage(about)  # type: ignore[operator]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(about))
    with pytest.raises(ModelError, match=r"^mine\.json: .*kith train-scorer") as caught:
        load_scorer(SHA, path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"scorer"'])
def test_what_is_no_scorer_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is no scorer"):
        Scorer.from_json(text)


def test_a_scorer_of_another_network_is_refused(scorer: Scorer, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(scorer.to_json())
    assert load_scorer(SHA, path).id == scorer.id
    with pytest.raises(ModelError, match="another network"):
        load_scorer("b" * 64, path)


def test_a_network_without_scorer_names_the_command() -> None:
    with pytest.raises(ModelError, match="kith train-scorer"):
        load_scorer("c" * 64)
    with pytest.raises(ModelError, match="cannot be read"):
        load_scorer(SHA, "/nowhere/scorer.json")


def test_the_shipped_scorer_of_the_default_network_is_whole() -> None:
    shipped = load_scorer(get_model("dlib").sha256)
    assert len(shipped.rounds) >= 2
    first, last = shipped.rounds[0].coefficients, shipped.rounds[-1].coefficients
    distance = EVIDENCE.index("friend_distance")
    assert first[distance] == 0
    assert last[distance] > 0
    assert all(0 < entry.margin <= 1 for entry in shipped.rounds)
    assert "curve" in shipped.provenance["cross_validated"][0]
