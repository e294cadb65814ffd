"""How well networks tell the people of an album apart: the numbers of `kith models compare`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.clustering import dbscan_albums

FALSE_ACCEPTS = 0.001  # of pairs of two people within one album
TRIED_SHARES = np.geomspace(1e-6, 1e-1, 16)  # of pairs of two people whose distances are tried as eps
TRIED_PARTS = (0.25, 0.5, 0.75)  # of the smallest of these, for people who are far apart
MIN_SAMPLES = 2  # of DBSCAN, as in a build

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AlbumFaces:
    """n faces whose people are known: `album` and `person` int64 [n]; rows of one album stand together."""

    album: Ints
    person: Ints

    @property
    def offsets(self) -> Ints:
        """Where each album begins, and n."""
        changes = np.flatnonzero(np.diff(self.album)) + 1
        first = [0] if len(self.album) else []
        bounds: Ints = np.concatenate([first, changes, [len(self.album)]]).astype(np.int64)
        return bounds


@dataclass(frozen=True)
class Told:
    """One network on one population.

    `true_accepts` : share of pairs of one person within an album above the threshold; NaN without pairs of both kinds.
    `threshold` : the cosine above which at most `FALSE_ACCEPTS` of the pairs of two people within an album lie.
    `eps` : DBSCAN's, cosine distance; `calibrated` whether the model's calibration gave it.
    `main_together` : the share of an album's most frequent person in one cluster, mean over albums with two such faces.
    `purity` : share of clustered faces that are their cluster's most frequent person.
    """

    true_accepts: float
    threshold: float
    eps: float
    calibrated: bool
    main_together: float
    purity: float


def compare_network(vectors: Floats, faces: AlbumFaces, eps: float | None) -> Told:
    """How well these vectors tell the people of each album apart.

    Parameters
    ----------
    vectors : float32 [n, dim], unit length, in the rows of `faces`.
    eps : DBSCAN's, cosine distance; None = the best for these faces, by the harmonic mean of purity and
        `main_together`, which flatters a network without calibration.
    """
    wide = vectors.astype(np.float16).astype(np.float64)  # as a lake stores them
    same, different = _pairs(wide, faces)
    threshold = float("nan")
    if len(different):
        allowed = int(FALSE_ACCEPTS * len(different))
        threshold = float(np.sort(different)[-1 - allowed])
    tried = _candidates(different) if eps is None else [eps]
    found = [(_clusters(wide, faces, each), each) for each in tried]
    (main, purity), best = max(found, key=lambda each: _harmonic(*each[0]), default=((float("nan"),) * 2, float("nan")))
    accepted = float((same > threshold).mean()) if len(same) and len(different) else float("nan")
    return Told(accepted, threshold, float(best), eps is not None, main, purity)


def people_an_album(faces: AlbumFaces) -> float:
    """The median number of known people of an album; at least one."""
    bounds = faces.offsets
    counts = [len(np.unique(faces.person[start:stop])) for start, stop in itertools.pairwise(bounds)]
    return float(np.median(counts)) if counts else 1.0


def _candidates(different: Floats) -> list[float]:
    """Distances that a few of the pairs of two people fall below."""
    if not len(different):
        return []
    distances = 1 - np.quantile(different, 1 - TRIED_SHARES)
    return [*(float(part * distances[0]) for part in TRIED_PARTS), *(float(each) for each in distances)]


def _pairs(wide: npt.NDArray[np.float64], faces: AlbumFaces) -> tuple[Floats, Floats]:
    """Cosines of all pairs within albums: of one person, and of two."""
    same, different = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    bounds = faces.offsets
    for start, stop in itertools.pairwise(bounds):
        rows, person = wide[start:stop], faces.person[start:stop]
        cosine = (rows @ rows.T).astype(np.float32)
        one = person[:, None] == person
        upper = np.triu(np.ones_like(one), 1)
        same.append(cosine[upper & one])
        different.append(cosine[upper & ~one])
    return np.concatenate(same), np.concatenate(different)


def _clusters(wide: npt.NDArray[np.float64], faces: AlbumFaces, eps: float) -> tuple[float, float]:
    """`main_together` and `purity` of DBSCAN with this eps."""
    bounds = faces.offsets
    labels = dbscan_albums(wide, bounds, np.full(len(bounds) - 1, eps), MIN_SAMPLES)
    together, right, clustered = [], 0, 0
    for start, stop in itertools.pairwise(bounds):
        label, person = labels[start:stop], np.unique(faces.person[start:stop], return_inverse=True)[1]
        counts = np.zeros((person.max() + 1, label.max() + 2), np.int64)  # of faces by person and cluster, noise first
        np.add.at(counts, (person, label + 1), 1)
        right += int(counts[:, 1:].max(axis=0, initial=0).sum())
        clustered += int(counts[:, 1:].sum())
        main = counts[counts.sum(axis=1).argmax()]
        if main.sum() >= MIN_SAMPLES:
            together.append(main[1:].max(initial=0) / main.sum())
    return (
        float(np.mean(together)) if together else float("nan"),
        right / clustered if clustered else float("nan"),
    )


def _harmonic(main: float, purity: float) -> float:
    total = main + purity
    return 2 * main * purity / total if total > 0 else 0.0  # NaN, no cluster at all, compares as 0
