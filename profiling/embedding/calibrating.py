"""Fit what the numbers of one network mean: non-face centroids and cut, age and gender probe, eps and thresholds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from profiling.demographics import GENDER_FROM, LinearProbe, fit_age_probe, fit_gender_probe
from profiling.detection import Detector
from profiling.embedding.calibration import Calibration
from profiling.embedding.cross_validation import fit_eps_folds, measure_nonfaces, measure_probes, measure_thresholds
from profiling.embedding.embedder import Embedder
from profiling.embedding.eps_curve import mean_curve
from profiling.embedding.identities import fit_thresholds, pair_similarities
from profiling.embedding.samples import Sample, Tick, central_faces, false_finds, photos_in, random_crops
from profiling.errors import ModelError
from profiling.nonfaces import choose_cut, fit_centroids, nonface_distance
from profiling.settings import DetectionSettings

LOOSE = (0.3, 0.2, 0.02)  # detector thresholds at which 140 photos without a face give 866 false finds instead of 2
UTKFACE_NAME = re.compile(r"(\d{1,3})_([01])_")  # age, gender (0 male, 1 female), then race and date
MIN_FACES = 100  # with age and gender
MIN_PEOPLE = 20  # with at least two photos
MIN_EMPTY_PHOTOS = 10  # without a face
DIGITS = 4  # of the cut

Progress = Callable[[str, int, int], None]  # step, photos done, photos in all
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Folders:
    """Where the photos are, as `fit_calibration` says."""

    faces: Path
    no_face: Path
    identities: Path


@dataclass(frozen=True)
class Samples:
    """All that a calibration is fitted on."""

    crops: Sample
    finds: Sample
    faces: Sample
    identities: Sample
    years: Floats
    female: npt.NDArray[np.bool_]
    people: npt.NDArray[np.int64]


def fit_calibration(
    model_id: str,
    faces_folder: Path,
    no_face_folder: Path,
    identities_folder: Path,
    *,
    device: str = "cpu",
    precision: Literal["float32", "bfloat16"] = "float32",
    date: str = "",
    progress: Progress | None = None,
) -> Calibration:
    """Fit a network's calibration; the same photos and date give the same bytes on the same machine.

    Parameters
    ----------
    model_id : of the registry.
    faces_folder : photos of one face each, named as UTKFace does: ``age_gender_…`` (gender 0 male, 1 female).
    no_face_folder : photos without any face.
    identities_folder : one subfolder a person, as LFW; the face nearest to a photo's centre is the person.
    device, precision : of detector and network.
    date : ISO date for the provenance; nothing else in the result depends on when it was made.
    progress : called with the step's name, photos done, photos in all.

    Returns
    -------
    Calibration, its `provenance` with what it was fitted on and how well it does on held-out folds.

    Raises
    ------
    ModelError
        The model is unknown, or a folder holds too few photos.

    Notes
    -----
    Under 1.2 GB of memory and about ten minutes on one core for 7,000 photos with dlib's network. The shipped curve of
    eps is the middle of five, each fitted on four fifths of the people: steadier than one, and each can be judged.
    """
    embedder = Embedder.load(model_id, device, precision)
    told = progress or _silent
    with threadpool_limits(limits=1):  # sums of k-means and of BLAS depend on the number of threads
        samples, data = _sample(
            embedder, device, precision, Folders(faces_folder, no_face_folder, identities_folder), told
        )
        calibration = _fit(embedder, samples, {"date": date, "precision": precision, "data": data}, told)
    return calibration


def _fit(embedder: Embedder, samples: Samples, provenance: dict[str, Any], progress: Progress) -> Calibration:
    centroids, cut = _fit_nonfaces(samples)
    age, gender = _fit_probes(samples)
    known = samples.identities.vectors
    curves, grouped = fit_eps_folds(known, samples.people, lambda done, total: progress("eps curve", done, total))
    _, different = pair_similarities(known, samples.people)
    real = {"faces": samples.faces.vectors, "identities": known}
    measured = {
        "how": "five folds by photo or person, three of the probes; every number is of what its fold was not fitted on",
        "nonfaces": measure_nonfaces(samples.crops, samples.finds, real, cut),
        "probes": measure_probes(samples.faces.features, samples.years, samples.female, samples.faces.photo),
        "identities": measure_thresholds(known, samples.people) | grouped,
    }
    entry = embedder.entry
    return Calibration(
        model_id=entry.id,
        weights_sha256=entry.sha256,
        dim=entry.dim,
        nonface_centroids=centroids,
        nonface_cut=cut,
        age_probe=age,
        gender_probe=gender,
        eps_curve=mean_curve(curves).points(),
        thresholds=fit_thresholds(different),
        provenance=provenance | {"detector": Detector.weights_id(), "torch": torch.__version__, "measured": measured},
    )


def _fit_nonfaces(samples: Samples) -> tuple[Floats, float]:
    centroids = fit_centroids(np.concatenate([samples.crops.vectors, samples.finds.vectors]))
    collections = (samples.faces.vectors, samples.identities.vectors)
    return centroids, round(choose_cut([nonface_distance(vectors, centroids) for vectors in collections]), DIGITS)


def _fit_probes(samples: Samples) -> tuple[LinearProbe, LinearProbe]:
    grown = samples.years >= GENDER_FROM
    features = samples.faces.features
    return fit_age_probe(features, samples.years), fit_gender_probe(features[grown], samples.female[grown])


def _sample(
    embedder: Embedder, device: str, precision: str, folders: Folders, progress: Progress
) -> tuple[Samples, dict[str, Any]]:
    """Embed all photos; the samples, and what the provenance says of them."""
    labelled = [path for path in photos_in(folders.faces) if UTKFACE_NAME.match(path.name)]
    empty, known = photos_in(folders.no_face), photos_in(folders.identities)

    def told(step: str, photos: list[Path]) -> Tick:
        return lambda done: progress(step, done, len(photos))

    loose = Detector.load(DetectionSettings(thresholds=LOOSE), device, precision)
    detector = Detector.load(DetectionSettings(), device, precision)
    crops = random_crops(empty, embedder, told("crops without faces", empty))
    finds = false_finds(empty, loose, embedder, told("false finds", empty))
    faces = central_faces(labelled, detector, embedder, told("faces with age and gender", labelled))
    identities = central_faces(known, detector, embedder, told("faces of known people", known))
    years, female = _ages_and_genders([labelled[place] for place in faces.photo])
    names = [known[place].parent.relative_to(folders.identities).as_posix() for place in identities.photo]
    people = np.unique(names, return_inverse=True)[1].astype(np.int64)
    samples = Samples(crops, finds, faces, identities, years, female, people)
    _check(samples, folders)
    return samples, {
        "faces": _about(folders.faces, labelled, faces),
        "no_face": _about(folders.no_face, empty, crops) | {"false_finds": len(finds.photo)},
        "identities": _about(folders.identities, known, identities) | {"people": len(np.unique(people))},
    }


def _ages_and_genders(photos: list[Path]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    labels = [path.name.split("_") for path in photos]
    years = np.array([int(label[0]) for label in labels], np.float32)
    return years, np.array([label[1] == "1" for label in labels], np.bool_)


def _check(samples: Samples, folders: Folders) -> None:
    """Refuse what would give numbers that mean nothing."""
    grown = samples.female[samples.years >= GENDER_FROM]
    if len(samples.years) < MIN_FACES or min(grown.sum(), (~grown).sum()) < MIN_FACES / 10:
        raise ModelError(
            f"{folders.faces}: {len(samples.years)} faces with age and gender found, of them {int(grown.sum())} women; "
            f"at least {MIN_FACES} of both genders are needed, named age_gender_… (gender 0 male, 1 female)"
        )
    if len(np.unique(samples.crops.photo)) < MIN_EMPTY_PHOTOS:
        raise ModelError(f"{folders.no_face}: at least {MIN_EMPTY_PHOTOS} photos without a face are needed")
    several = int((np.bincount(samples.people) >= 2).sum()) if len(samples.people) else 0
    if several < MIN_PEOPLE:
        raise ModelError(
            f"{folders.identities}: {several} people with at least two photos found, {MIN_PEOPLE} are needed; "
            "give one subfolder a person"
        )


def _about(folder: Path, photos: list[Path], sample: Sample) -> dict[str, Any]:
    """What a folder held: its name, photos, those used, and a digest of names and sizes to tell other sets apart."""
    digest = hashlib.blake2b(digest_size=8)
    for path in photos:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\n".encode())
    used = len(np.unique(sample.photo))
    return {"folder": folder.name, "photos": len(photos), "used": used, "names_and_sizes": digest.hexdigest()}


def _silent(step: str, done: int, total: int) -> None:
    """Nobody wants to know."""
