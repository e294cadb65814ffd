"""What the numbers of one network mean: non-face centroids, probes, DBSCAN's eps, thresholds; and the file they lie in.

A calibration belongs to a network's *weights*: its file is named by their SHA-256, and one that was fitted on other
weights is refused. It is one safetensors file: arrays, and one JSON text with the numbers and where they come from.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from profiling.demographics import LinearProbe, read_age, read_female
from profiling.embedding.registry import ModelEntry, find_weights, get_model
from profiling.errors import ModelError
from profiling.nonfaces import nonface_distance

FORMAT = 1  # of the file
TYPICAL_PEOPLE = 10  # in an account: the median of the dev population
SHIPPED = Path(__file__).parent / "calibrations"
PROBES = ("age_probe", "gender_probe")
PROBE_ARRAYS = ("mean", "scale", "coefficients")

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Calibration:
    """What the numbers of one network mean.

    Parameters
    ----------
    model_id, weights_sha256, dim : the network it belongs to.
    nonface_centroids : float32 [k, dim].
    nonface_cut : Euclidean distance of a unit vector to the nearest centroid, below which it is no face.
    age_probe, gender_probe : read years and the logit of "female" from the network's features.
    eps_curve : (people in the account, DBSCAN's eps as cosine distance), people ascending; between its points eps is
        interpolated in the logarithm of people, outside it is that of the nearest point.
    thresholds : cosine similarity from which two vectors are one person, by the rate of false accepts, "0.001" and so
        on, over pairs of faces of different people.
    provenance : on what it was fitted, when, counts, measured numbers.
    """

    model_id: str
    weights_sha256: str
    dim: int
    nonface_centroids: Floats
    nonface_cut: float
    age_probe: LinearProbe
    gender_probe: LinearProbe
    eps_curve: tuple[tuple[float, float], ...]
    thresholds: dict[str, float]
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """16 hexadecimal digits of all that a result can depend on, so not of `provenance`."""
        digest = hashlib.blake2b(json.dumps(self._numbers(), sort_keys=True).encode(), digest_size=8)
        for name, array in sorted(self._arrays().items()):
            digest.update(f"{name}{array.shape}".encode() + np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()

    def eps_for(self, people: npt.ArrayLike) -> Floats:
        """DBSCAN's eps (cosine distance, float32, shape of `people`) for accounts with so many people in them."""
        at, eps = np.array(self.eps_curve, np.float64).T
        count = np.maximum(np.asarray(people, np.float64), 1.0)
        return np.asarray(np.interp(np.log(count), np.log(at), eps), np.float32)

    @property
    def scale(self) -> float:
        """The cosine distance that counts as one when distances of this network are weighed: eps of a usual account."""
        return float(self.eps_for(TYPICAL_PEOPLE))

    def nonface_distance(self, vectors: Floats) -> Floats:
        """Euclidean distance, float32 [n], 0 to 2, of unit vectors [n, dim] to the nearest non-face centroid."""
        return nonface_distance(vectors, self.nonface_centroids)

    def age(self, features: Floats) -> Floats:
        """Years, float32 [n], 0 to 100, from the `features` [n, k] of `Embedded`."""
        return read_age(self.age_probe, features)

    def female(self, features: Floats) -> Floats:
        """Probability of a woman's face, float32 [n], from the `features` [n, k] of `Embedded`."""
        return read_female(self.gender_probe, features)

    def save(self, path: Path) -> None:
        """Write the file; equal calibrations give equal bytes."""
        about = {"format": FORMAT, "id": self.id, "provenance": self.provenance, **self._numbers()}
        text = json.dumps(about, sort_keys=True, ensure_ascii=False)
        path.write_bytes(save(self._arrays(), metadata={"calibration": text}))  # one key: safetensors does not sort

    def _numbers(self) -> dict[str, Any]:
        return {
            "model_id": self.model_id,
            "weights_sha256": self.weights_sha256,
            "dim": self.dim,
            "nonface_cut": self.nonface_cut,
            "eps_curve": [list(point) for point in self.eps_curve],
            "thresholds": self.thresholds,
            "intercepts": [getattr(self, probe).intercept for probe in PROBES],
        }

    def _arrays(self) -> dict[str, Floats]:
        probes = {f"{p}.{a}": getattr(getattr(self, p), a) for p in PROBES for a in PROBE_ARRAYS}
        return {"nonface_centroids": self.nonface_centroids, **probes}


def calibration_file(entry: ModelEntry, folder: Path) -> Path:
    """Where `folder` keeps the calibration of this network's weights."""
    return folder / f"{entry.sha256[:16]}.calibration.safetensors"


def load_calibration(model_id: str) -> Calibration:
    """The calibration of this model: the one beside its weights, else the one shipped with Kith.

    Raises
    ------
    ModelError
        The model is unknown, it has no calibration, or the file is damaged or belongs to other weights.
    """
    entry = get_model(model_id)
    beside = calibration_file(entry, find_weights(entry).parent)
    for path in (beside, calibration_file(entry, SHIPPED)):
        if path.is_file():
            return read_calibration(path, entry)
    raise ModelError(
        f"model {entry.id}: has no calibration ({beside.name}); make one: kith models calibrate {entry.id}"
    )


def read_calibration(path: Path, entry: ModelEntry) -> Calibration:
    """The calibration in `path`, which must be of this network's weights.

    Raises
    ------
    ModelError
        The file is damaged, of another format, or belongs to other weights.
    """
    again = f"make it again: kith models calibrate {entry.id}"
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["calibration"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        if about["format"] != FORMAT:
            raise ModelError(f"{path}: is of format {about['format']}, this Kith reads {FORMAT}; {again}")
        calibration = _assemble(about, arrays)
        intact = calibration.id == about["id"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: no calibration ({type(error).__name__}); {again}") from None
    if not intact:
        raise ModelError(f"{path}: is damaged (its id does not match its content); {again}")
    if (calibration.weights_sha256, calibration.dim) != (entry.sha256, entry.dim):
        other = f"model {calibration.model_id} with weights {calibration.weights_sha256[:16]}…"
        raise ModelError(f"{path}: belongs to {other}, not to {entry.id} with {entry.sha256[:16]}…; {again}")
    return calibration


def _assemble(about: dict[str, Any], arrays: dict[str, Floats]) -> Calibration:
    def probe(name: str, intercept: float) -> LinearProbe:
        mean, scale, coefficients = (arrays[f"{name}.{part}"] for part in PROBE_ARRAYS)
        return LinearProbe(mean, scale, coefficients, float(intercept))

    age, gender = (probe(name, intercept) for name, intercept in zip(PROBES, about["intercepts"], strict=True))
    return Calibration(
        model_id=str(about["model_id"]),
        weights_sha256=str(about["weights_sha256"]),
        dim=int(about["dim"]),
        nonface_centroids=arrays["nonface_centroids"],
        nonface_cut=float(about["nonface_cut"]),
        age_probe=age,
        gender_probe=gender,
        eps_curve=tuple((float(people), float(eps)) for people, eps in about["eps_curve"]),
        thresholds={rate: float(cosine) for rate, cosine in about["thresholds"].items()},
        provenance=dict(about["provenance"]),
    )
