"""How near a face must be to a profile to be named, by the share of strangers' faces that would be named too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from profiling.errors import SettingsError
from profiling.evaluation.uploads import loosest_threshold

FOLDER = "recognition"  # of a lake: <generation>.json, written by `kith evaluate`
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)  # shares of false positives to choose from; OK.ru 2018 uses 0.001


@dataclass(frozen=True)
class Thresholds:
    """What `kith evaluate` measured on strangers' faces.

    Parameters
    ----------
    model : `ModelEntry.vectors_id` of the vectors. tries : strangers' faces met with candidate sets, counted once each.
    distances : cosine distance below which a face is named, by the rate of `RATES` as text.
    """

    model: str
    tries: int
    distances: Mapping[str, float]

    @classmethod
    def of(cls, model: str, tries: npt.NDArray[np.float32]) -> Thresholds:
        """From the sorted distances of `evaluation.Assessment.recognition.tries`, at least one."""
        return cls(model, len(tries), {f"{rate:g}": float(loosest_threshold(tries, rate)) for rate in RATES})

    def at(self, rate: float) -> float:
        """The cosine distance below which a face is named at this rate.

        Raises
        ------
        SettingsError
            The rate is none of `RATES`.
        """
        try:
            return self.distances[f"{rate:g}"]
        except KeyError:
            known = ", ".join(self.distances)
            raise SettingsError(f"--false-positives {rate:g}: choose one of {known}") from None

    def enough(self, rate: float) -> bool:
        """Whether there were tries enough to show the rate; where not, the threshold is stricter than asked."""
        return self.tries * rate >= 1

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"model": self.model, "tries": self.tries, "distances": dict(self.distances)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Thresholds:
        """The inverse of `to_json`."""
        return cls(record["model"], int(record["tries"]), dict(record["distances"]))
