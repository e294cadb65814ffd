"""How good a calibration of this kind is on what it was not fitted on: folds, each judged by the others.

All functions return plain numbers for the calibration's provenance; names say what they mean, shares are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from profiling.demographics import (
    GENDER_FROM,
    MAX_AGE,
    fit_age_probe,
    fit_gender_probe,
    read_age,
    read_female,
)
from profiling.embedding.drawn_albums import draw_albums
from profiling.embedding.eps_curve import ALBUMS, EpsCurve, eps_candidates, fit_eps_curve, group_drawn
from profiling.embedding.identities import fit_thresholds, pair_similarities
from profiling.embedding.samples import Sample
from profiling.nonfaces import fit_centroids, nonface_distance

FOLDS = 5
PROBE_FOLDS = 3  # of the probes, by the photo's place in the sorted list, modulo 3
ADULT = 18.0  # years, for which gender is reported
DIGITS = 4  # of reported numbers

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = dict[str, Any]


def measure_nonfaces(crops: Sample, finds: Sample, faces: dict[str, Floats], cut: float) -> Numbers:
    """Non-faces of photos that the centroids were not fitted on, against real faces.

    `crops` and `finds` are without faces, of the same list of photos; `faces` are unit vectors of real faces by the
    name of their collection; `cut` is the calibration's.
    """
    away = {"crops": np.zeros(len(crops.photo), np.float32), "finds": np.zeros(len(finds.photo), np.float32)}
    near = {name: np.zeros((FOLDS, len(vectors)), np.float32) for name, vectors in faces.items()}
    for fold in range(FOLDS):
        here = {"crops": crops.photo % FOLDS == fold, "finds": finds.photo % FOLDS == fold}
        others = [crops.vectors[~here["crops"]], finds.vectors[~here["finds"]]]
        centroids = fit_centroids(np.concatenate(others))
        away["crops"][here["crops"]] = nonface_distance(crops.vectors[here["crops"]], centroids)
        away["finds"][here["finds"]] = nonface_distance(finds.vectors[here["finds"]], centroids)
        for name, vectors in faces.items():
            near[name][fold] = nonface_distance(vectors, centroids)
    measured: Numbers = {}
    for kind, distances in away.items():
        if len(distances):
            measured[f"{kind}_rejected"] = _share(distances < cut)
        for name, real in near.items():
            if len(distances):
                measured[f"auc_{kind}_{name}"] = _auc(distances, real.mean(axis=0))
    return measured | {f"{name}_lost": _share(real.mean(axis=0) < cut) for name, real in near.items()}


def measure_probes(features: Floats, years: Floats, female: Flags, photo: Ints) -> Numbers:
    """Mean error of age in years, and share of adults whose gender is right: means over `PROBE_FOLDS` folds.

    `photo` [n] is each face's place in the sorted list of photos, which decides its fold.
    """
    age, woman = np.zeros(len(years), np.float32), np.zeros(len(years), np.float32)
    fold = photo % PROBE_FOLDS
    for test in (fold == number for number in range(PROBE_FOLDS)):
        grown = ~test & (years >= GENDER_FROM)
        age[test] = read_age(fit_age_probe(features[~test], years[~test]), features[test])
        woman[test] = read_female(fit_gender_probe(features[grown], female[grown]), features[test])
    error = np.abs(age - np.clip(years, 0, MAX_AGE))
    right = (woman > 0.5) == female
    adults = years >= ADULT
    decade = (years // 10 * 10).astype(np.int64)
    by_decade = {str(low): round(float(error[decade == low].mean()), 2) for low in np.unique(decade)}
    return {
        "age_mean_error_years": round(_over_folds(error, fold), 2),
        "age_mean_error_years_by_decade": by_decade,
        "age_correlation": round(float(np.corrcoef(age, years)[0, 1]), DIGITS),
        "gender_right_adults": round(_over_folds(right[adults], fold[adults]), DIGITS),
        "gender_right_all_ages": round(_over_folds(right, fold), DIGITS),
        "adults": int(adults.sum()),
        "folds": PROBE_FOLDS,
    }


def measure_thresholds(vectors: Floats, people: Ints) -> Numbers:
    """Thresholds on other people's faces: true and false accepts of pairs."""
    accepts: dict[str, list[tuple[float, float]]] = {}
    for train, test in _folds(people):
        _, different = pair_similarities(vectors[train], people[train])
        same, strange = pair_similarities(vectors[test], people[test])
        for rate, cosine in fit_thresholds(different).items():
            accepts.setdefault(rate, []).append((float((same >= cosine).mean()), float((strange >= cosine).mean())))
    return {
        "true_accepts": {rate: _mean(values, 0) for rate, values in accepts.items()},
        "false_accepts": {rate: _mean(values, 1) for rate, values in accepts.items()},
    }


def fit_eps_folds(vectors: Floats, people: Ints, tick: Callable[[int, int], None]) -> tuple[list[EpsCurve], Numbers]:
    """A curve from each four fifths of the people, and how it groups albums of the last fifth.

    `tick` is told how many curves are fitted, of how many.
    """
    curves: list[EpsCurve] = []
    albums: dict[int, list[tuple[float, float]]] = {}
    for train, test in _folds(people):
        tick(len(curves), FOLDS)
        candidates = eps_candidates(*pair_similarities(vectors[train], people[train]))
        curves.append(fit_eps_curve(vectors[train], people[train], candidates))
        for size in (size for size in ALBUMS if size <= len(np.unique(people[test]))):
            drawn = draw_albums(people[test], size, ALBUMS[size])
            eps = float(curves[-1].at(size))
            albums.setdefault(size, []).append(group_drawn(vectors[test], people[test], drawn, eps))
    return curves, {
        "levels_of_folds": [round(curve.level, DIGITS) for curve in curves],
        "slopes_of_folds": [round(curve.slope, DIGITS) for curve in curves],
        "albums_b_cubed": {
            str(size): {"precision": _mean(values, 0), "recall": _mean(values, 1)} for size, values in albums.items()
        },
    }


def _folds(groups: Ints) -> Iterator[tuple[Flags, Flags]]:
    """Train and test masks; what shares a group is never on both sides."""
    _, place = np.unique(groups, return_inverse=True)
    for fold in range(FOLDS):
        yield place % FOLDS != fold, place % FOLDS == fold


def _auc(away: Floats, near: Floats) -> float:
    truth = np.r_[np.zeros(len(away)), np.ones(len(near))]
    return round(float(roc_auc_score(truth, np.r_[away, near])), DIGITS + 2)


def _over_folds(values: npt.NDArray[Any], fold: Ints) -> float:
    """The mean over folds of each fold's mean."""
    return float(np.mean([values[fold == number].mean() for number in np.unique(fold)]))


def _share(flags: Flags) -> float:
    return round(float(flags.mean()), DIGITS) if len(flags) else float("nan")


def _mean(values: Sequence[Sequence[float]], column: int) -> float:
    return round(float(np.mean([row[column] for row in values])), DIGITS + 1)
