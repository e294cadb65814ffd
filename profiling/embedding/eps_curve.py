"""DBSCAN's eps of a network as a curve over the number of people in an account, fitted on drawn albums.

One chance link is enough to make two people one cluster, and the chances grow with the people: so the more people an
account shows, the stricter eps must be. Two numbers tell the whole curve, ``eps(people) = level x people ** -slope``,
and all albums of all sizes fit them together: the best eps of one size alone jumps by 10 % with the draw, because its
score hardly changes around its top. Nothing here knows the scale of a network's distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.embedding.calibration import TYPICAL_PEOPLE
from profiling.embedding.drawn_albums import DrawnAlbums, b_cubed, draw_albums
from profiling.grouping import AlbumFaces, group_faces
from profiling.settings import ClusteringSettings

ALBUMS = {2: 200, 4: 150, 8: 100, 16: 60, 32: 30, 64: 15}  # drawn for each number of people: about equal work
LOOSEST = 1e-2  # false accepts of the loosest eps tried: no album of ten people is grouped so
STRICTEST = 1e-6  # of the strictest, where the faces of one person lie no closer
EPS_TRIED = 21  # neighbours differ by 3 to 6 %; scores between them are interpolated
LEVELS = 161  # of eps at `TYPICAL_PEOPLE`, between the strictest and the loosest tried
SLOPES = np.linspace(0.0, 0.2, 41)  # from no curve at all to half the eps at 32 times the people
PLATEAU = 0.001  # curves whose score is at most so far below the best are as good; their middle is steadier
PRECISION_WEIGHT = 0.5  # beta of F-beta: a mixed cluster spoils a profile, a split one only thins it
DIGITS = 4  # of eps: more would be noise, and differ between machines

Floats = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EpsCurve:
    """``level x (people / TYPICAL_PEOPLE) ** -slope``; cosine distances."""

    level: float
    slope: float

    def at(self, people: npt.ArrayLike) -> Wide:
        """Cosine distance, float64, for accounts with so many people."""
        count = np.asarray(people, np.float64)
        return np.asarray(self.level * (count / TYPICAL_PEOPLE) ** -self.slope)

    def points(self) -> tuple[tuple[float, float], ...]:
        """The curve at the numbers of people it was fitted on, as a calibration keeps it; never rising."""
        sizes = np.array(list(ALBUMS), np.float64)
        return tuple((float(size), round(float(eps), DIGITS)) for size, eps in zip(sizes, self.at(sizes), strict=True))


def fit_eps_curve(vectors: Floats, people: Ints, candidates: Wide) -> EpsCurve:
    """The curve with which the pipeline's own grouping serves drawn albums of all sizes best.

    Parameters
    ----------
    vectors : float32 [n, dim], unit length. people : int64 [n], whose face each is.
    candidates : ascending cosine distances to try, as `eps_candidates` gives them.

    Returns
    -------
    The middle of all curves within `PLATEAU` of the best mean score, each size counting the same.
    """
    sizes = [size for size in ALBUMS if size <= len(np.unique(people))]
    scores = np.stack([_scores(vectors, people, draw_albums(people, size, ALBUMS[size]), candidates) for size in sizes])
    levels = np.geomspace(candidates[0], candidates[-1], LEVELS)
    total = np.zeros((LEVELS, len(SLOPES)))
    for size, score in zip(sizes, scores, strict=True):
        eps = levels[:, None] * (size / TYPICAL_PEOPLE) ** -SLOPES[None, :]
        total += np.interp(np.log(eps), np.log(candidates), score) / len(sizes)
    level, slope = np.nonzero(total >= total.max() - PLATEAU)
    return EpsCurve(float(np.exp(np.log(levels)[level].mean())), float(SLOPES[slope].mean()))


def mean_curve(curves: Sequence[EpsCurve]) -> EpsCurve:
    """The curve in the middle of several, fitted on different people."""
    level = float(np.exp(np.mean([np.log(curve.level) for curve in curves])))
    return EpsCurve(level, float(np.mean([curve.slope for curve in curves])))


def eps_candidates(same: Floats, different: Floats) -> Wide:
    """Cosine distances worth trying as eps, ascending, whatever their scale.

    `same`, `different` are cosines of pairs of one and of two people. A strong network may be far stricter than any two
    people are alike: its candidates start where half of the pairs of one person are linked.
    """
    strict, loose = np.quantile(1.0 - different.astype(np.float64), (STRICTEST, LOOSEST))
    low = max(min(float(np.median(1.0 - same.astype(np.float64))), strict), 10.0**-DIGITS)
    return np.unique(np.round(np.geomspace(low, max(loose, low), EPS_TRIED), DIGITS))


def group_drawn(vectors: Floats, people: Ints, drawn: DrawnAlbums, eps: float) -> tuple[float, float]:
    """B-cubed precision and recall of the pipeline's grouping of drawn albums; each face lies on a photo of its own."""
    count = len(drawn.faces)
    faces = AlbumFaces(
        vectors=vectors[drawn.faces].astype(np.float16),
        bounds=drawn.bounds,
        photo=np.arange(count),
        weight=np.ones(count, np.int64),
        eps=np.full(len(drawn.bounds) - 1, eps, np.float32),
    )
    return b_cubed(group_faces(faces, ClusteringSettings().min_samples), people[drawn.faces], drawn.album)


def _scores(vectors: Floats, people: Ints, drawn: DrawnAlbums, candidates: Wide) -> Wide:
    """F-beta with `PRECISION_WEIGHT` of each candidate."""
    precision, recall = np.array([group_drawn(vectors, people, drawn, float(eps)) for eps in candidates]).T
    beta2 = PRECISION_WEIGHT**2
    return np.asarray((1 + beta2) * precision * recall / np.maximum(beta2 * precision + recall, 1e-12))
