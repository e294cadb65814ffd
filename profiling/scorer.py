"""The weight of a cluster: a linear regression of its evidence, and the file that it lies in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from profiling.errors import ModelError
from profiling.tables import EVIDENCE

FORMAT = 1  # of the file
SHIPPED = Path(__file__).parent / "scorers"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RoundWeights:
    """What one round's regression learned, over all columns of `tables.EVIDENCE`, in their order.

    Parameters
    ----------
    means, scales : float64 [evidence], of the labelled clusters; missing evidence is read as the mean.
    coefficients : float64 [evidence], of standardised evidence; 0 for evidence that the round does not have.
    intercept : the weight of a cluster that is average in everything.
    margin : by how much a leader's weight must exceed the runner-up's and 0, the weight of "nobody".
    """

    means: Floats
    scales: Floats
    coefficients: Floats
    intercept: float
    margin: float


@dataclass(frozen=True)
class Scorer:
    """A trained scorer: 1 is an owner, -1 is none.

    Parameters
    ----------
    model_sha256 : weights of the network that it was trained on.
    rounds : entry 0 for round 0, which knows no friends; the last entry for its own and all later rounds.
    provenance : on what it was trained, cross-validated metrics, precision-coverage curve.
    """

    model_sha256: str
    rounds: tuple[RoundWeights, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """16 hexadecimal digits of all that a result can depend on, so not of `provenance`."""
        text = json.dumps(self._numbers(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of all matrices here."""
        return EVIDENCE

    @property
    def coefficients(self) -> list[Floats]:
        """Standardised coefficients of each entry of `rounds`, in the order of `features`."""
        return [weights.coefficients for weights in self.rounds]

    @property
    def margin(self) -> float:
        """The margin of the last rounds."""
        return self.rounds[-1].margin

    def of_round(self, number: int) -> RoundWeights:
        """What this round uses."""
        return self.rounds[min(number, len(self.rounds) - 1)]

    def asked(self, number: int, given: float | None = None) -> float:
        """The margin of a round: the one `given` by the settings, None = the learned one."""
        return self.of_round(number).margin if given is None else given

    def contributions(self, matrix: npt.NDArray[np.floating], number: int) -> Floats:
        """What each piece of evidence adds to the weight, float64 [clusters, evidence]; missing evidence adds 0.

        Parameters
        ----------
        matrix : [clusters, evidence] in the order of `features`, NaN = not known.
        number : of the round.
        """
        weights = self.of_round(number)
        standard = (np.asarray(matrix, np.float64) - weights.means) / weights.scales
        return np.where(np.isnan(standard), 0.0, standard) * weights.coefficients

    def weigh(self, matrix: npt.NDArray[np.floating], number: int) -> Floats:
        """Weight of each cluster, float64 [clusters]; arguments as for `contributions`.

        Summed column by column, so that a cluster's bits do not depend on how many others it stands among.
        """
        parts = self.contributions(matrix, number)
        total = np.full(len(parts), self.of_round(number).intercept)
        for column in range(parts.shape[1]):
            total += parts[:, column]
        return total

    def to_json(self) -> str:
        """The file's text; equal scorers give equal texts."""
        about = {"format": FORMAT, "id": self.id, "provenance": dict(self.provenance), **self._numbers()}
        return json.dumps(about, sort_keys=True, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, name: str = "scorer") -> Scorer:
        """Read what `to_json` wrote.

        Raises
        ------
        ModelError
            Not a scorer, of another format, of other evidence, or damaged; `name` says which file.
        """
        again = "train it again: kith train-scorer"
        try:
            about = json.loads(text)
            if about["format"] != FORMAT or tuple(about["features"]) != EVIDENCE:
                raise ModelError(f"{name}: was trained on other evidence than this Kith reads; {again}")
            rounds = tuple(_read_round(each) for each in about["rounds"])
            scorer = cls(about["model_sha256"], rounds, about["provenance"])
            intact = bool(rounds) and scorer.id == about["id"]
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{name}: is no scorer ({type(error).__name__}); {again}") from None
        if not intact:
            raise ModelError(f"{name}: is damaged, its numbers do not match its id; {again}")
        return scorer

    def _numbers(self) -> dict[str, Any]:
        rounds = [
            {
                "means": weights.means.tolist(),
                "scales": weights.scales.tolist(),
                "coefficients": weights.coefficients.tolist(),
                "intercept": weights.intercept,
                "margin": weights.margin,
            }
            for weights in self.rounds
        ]
        return {"model_sha256": self.model_sha256, "features": list(EVIDENCE), "rounds": rounds}


def scorer_file(model_sha256: str) -> str:
    """The name of the scorer that is shipped for a network with these weights."""
    return f"{model_sha256[:8]}.json"


def load_scorer(model_sha256: str, path: str | Path | None = None) -> Scorer:
    """The scorer in `path`, or else the one shipped for the network with these weights.

    Raises
    ------
    ModelError
        There is none, it is damaged, or it was trained on another network.
    """
    file = SHIPPED / scorer_file(model_sha256) if path is None else Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = "no scorer is shipped for this model" if path is None else f"cannot be read ({type(error).__name__})"
        raise ModelError(f"{file.name}: {why}; train one: kith train-scorer LAKE --truth DIR --out FILE") from None
    scorer = Scorer.from_json(text, file.name)
    if scorer.model_sha256 != model_sha256:
        raise ModelError(f"{file.name}: was trained on another network ({scorer.model_sha256[:8]}, not "
                         f"{model_sha256[:8]}); train one for this model: kith train-scorer")  # fmt: skip
    return scorer


def _read_round(about: Mapping[str, Any]) -> RoundWeights:
    columns = [np.array(about[name], np.float64) for name in ("means", "scales", "coefficients")]
    if any(column.shape != (len(EVIDENCE),) or not np.isfinite(column).all() for column in columns):
        raise ValueError("columns of a round")
    if (columns[1] <= 0).any():
        raise ValueError("scales of a round")
    means, scales, coefficients = columns
    return RoundWeights(means, scales, coefficients, float(about["intercept"]), float(about["margin"]))
