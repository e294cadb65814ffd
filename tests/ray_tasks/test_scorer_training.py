"""`kith train-scorer` on a lake: from the truth or from tags, a file that builds can use and a picture beside it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from profiling import training
from profiling.errors import ModelError, PopulationError
from profiling.scorer import load_scorer
from ray_tasks.cli.training import train_scorer
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.scorer_training import is_better
from tests.conftest import Built

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("from_truth", [True, False])
def test_a_scorer_and_its_picture_are_written(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_truth: bool
) -> None:
    monkeypatch.setattr(training, "MIN_USERS", 1)  # the drawn population has nine users
    out, truth = tmp_path / "mine.json", built.population / "truth" if from_truth else None
    train_scorer(built.lake, out, truth, "all")
    model = find_generation(Lake.open(built.lake), built.generation).artefacts["model"]
    scorer = load_scorer(model, out)
    assert scorer.provenance["labels"] == ("truth" if from_truth else "tags")
    assert scorer.provenance["with_own_cluster"] >= 1
    assert len(scorer.provenance["data"]) == 16
    ElementTree.fromstring((tmp_path / "mine.svg").read_text())  # noqa: S314  our own text
    again = tmp_path / "again.json"
    train_scorer(built.lake, again, truth, "all")
    assert again.read_text() == out.read_text()


def test_a_program_reads_how_the_new_scorer_compares(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "MIN_USERS", 1)
    train_scorer(built.lake, tmp_path / "mine.json", built.population / "truth", "all", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["scorer"] == json.loads((tmp_path / "mine.json").read_text())["id"]
    assert found["file"] == str(tmp_path / "mine.json")
    for shares in (found["held_back"], found["in_use"]):
        assert all(0 <= value <= 1 for value in shares.values())
    assert found["better"] == is_better(found["held_back"], found["in_use"], 0.99)


@pytest.mark.parametrize(
    ("new", "now", "better"),
    [
        ((0.99, 0.8), (0.99, 0.7), True),  # precise enough, and more users
        ((0.995, 0.7), (0.99, 0.7), False),  # more precise than wanted is no gain
        ((0.98, 0.9), (0.99, 0.7), False),
        ((0.99, 0.5), (0.9, 0.9), True),
        ((0.99, 0.7), (0.99, 0.7), False),
    ],
)
def test_better_is_precise_enough_first_and_more_users_then(
    new: tuple[float, float], now: tuple[float, float], better: bool
) -> None:
    shares = [dict(zip(("precision", "coverage"), each, strict=True)) for each in (new, now)]
    assert is_better(*shares, wanted=0.99) is better


def test_what_cannot_be_learned_or_written_is_said(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PopulationError, match="a scorer needs 20"):
        train_scorer(built.lake, tmp_path / "mine.json", built.population / "truth", "all")
    monkeypatch.setattr(training, "MIN_USERS", 1)
    with pytest.raises(ModelError, match="cannot be written"):
        train_scorer(built.lake, tmp_path / "nowhere" / "mine.json", built.population / "truth", "all")
