"""Similarity thresholds and DBSCAN's eps of a network, from faces whose people are known.

Nothing here knows the scale of a network's distances: candidates are taken from the distances between different people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.clustering import dbscan_albums
from profiling.settings import ClusteringSettings

FALSE_ACCEPTS = (0.01, 0.001, 0.0001)  # rates over pairs of different people for which thresholds are kept
LINK_RATES = (1e-6, 1e-1)  # false accepts of the strictest and the loosest eps tried
EPS_TRIED = 51  # neighbours differ by 2 to 3 %
DIGITS = 4  # of thresholds and eps: more would be noise, and differ between machines
ALBUM_PEOPLE = (3, 8, 20)  # people of drawn albums, the owner included
ALBUMS = 80  # drawn of each size
OWNER_PHOTOS = 8  # an owner has at least so many, where there are such people
STRANGERS = 0.5  # passers-by seen once, for each of an album's people
PRECISION_WEIGHT = 0.5  # beta of F-beta: a mixed cluster spoils a profile, a split one only thins it
SEED = 11
ROWS_AT_ONCE = 1024  # of the similarity matrix

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Albums:
    """Drawn albums: `faces` are places in a list of vectors, album a is ``faces[offsets[a]:offsets[a + 1]]``."""

    faces: Ints
    offsets: Ints


@dataclass(frozen=True)
class Clustered:
    """How DBSCAN did on albums at one eps: B-cubed precision and recall (0 to 1), noise counted as clusters of one."""

    eps: float
    precision: float
    recall: float

    @property
    def score(self) -> float:
        """F-beta with `PRECISION_WEIGHT`."""
        beta2 = PRECISION_WEIGHT**2
        return (1 + beta2) * self.precision * self.recall / max(beta2 * self.precision + self.recall, 1e-12)


def pair_similarities(vectors: Floats, people: Ints) -> tuple[Floats, Floats]:
    """Cosines of all pairs: of one person, and of two people.

    `vectors` float32 [n, dim], unit length; `people` [n]. As stored in the lake: float16, multiplied in float64.
    Memory: 4 bytes a pair, so 50 MB for 5,000 faces.
    """
    same, different = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for first, cosines in _rows(vectors):
        later = np.arange(len(people))[None, :] > np.arange(first, first + len(cosines))[:, None]
        one = people[first : first + len(cosines), None] == people[None, :]
        same.append(cosines[later & one])
        different.append(cosines[later & ~one])
    return np.concatenate(same), np.concatenate(different)


def fit_thresholds(different: Floats) -> dict[str, float]:
    """Cosine from which pairs count as one person, for each of `FALSE_ACCEPTS`, from cosines of different people."""
    cosines = np.quantile(different, [1 - rate for rate in FALSE_ACCEPTS], method="higher")
    return {f"{rate:g}": round(float(cosine), DIGITS) for rate, cosine in zip(FALSE_ACCEPTS, cosines, strict=True)}


def eps_candidates(different: Floats) -> npt.NDArray[np.float64]:
    """Cosine distances worth trying as eps, ascending, whatever the network's scale."""
    rates = np.geomspace(*LINK_RATES, EPS_TRIED)
    distances = 1.0 - np.quantile(different, 1 - rates, method="higher").astype(np.float64)
    return np.unique(np.round(np.maximum(distances, 10.0**-DIGITS), DIGITS))


def draw_albums(people: Ints, size: int, count: int = ALBUMS) -> Albums:
    """`count` albums of `size` people each, an owner with many photos first, and strangers seen once.

    `people` [n] says whose each face is. Equal input gives equal albums.
    """
    random = np.random.default_rng([SEED, size])
    names, photos = np.unique(people, return_counts=True)
    known = names[photos >= 2]
    owners = names[photos >= min(OWNER_PHOTOS, int(photos.max(initial=0)))]
    by_person = {int(name): np.flatnonzero(people == name) for name in names}
    faces: list[Ints] = []
    for _ in range(count):
        owner = int(random.choice(owners))
        friends = random.permutation(known[known != owner])[: size - 1]
        seen_once = random.permutation(np.setdiff1d(names, [owner, *friends]))[: round(STRANGERS * size)]
        whole = [by_person[int(name)] for name in (owner, *friends)]
        single = [random.choice(by_person[int(name)], 1) for name in seen_once]
        faces.append(np.concatenate([*whole, *single]))
    offsets = np.r_[0, np.cumsum([len(album) for album in faces])].astype(np.int64)
    return Albums(np.concatenate(faces).astype(np.int64), offsets)


def try_eps(vectors: Floats, people: Ints, drawn: Sequence[Albums], eps: float) -> Clustered:
    """Cluster all albums at one eps and compare with the truth; each kind of album counts the same."""
    precision, recall = np.mean([_cluster(vectors, people, albums, eps) for albums in drawn], axis=0)
    return Clustered(eps, float(precision), float(recall))


def best_eps(vectors: Floats, people: Ints, candidates: npt.NDArray[np.float64]) -> Clustered:
    """The candidate with the best `Clustered.score` over drawn albums of all sizes; of equal ones the smallest."""
    drawn = [draw_albums(people, size) for size in ALBUM_PEOPLE]
    return max((try_eps(vectors, people, drawn, float(eps)) for eps in candidates), key=lambda tried: tried.score)


def b_cubed(labels: npt.NDArray[np.integer], people: Ints, album: Ints) -> tuple[float, float]:
    """B-cubed precision and recall (Bagga and Baldwin 1998), the mean over all faces of all albums.

    A face's precision is the share of its cluster that is its person, its recall the share of its person's faces in
    the album that are in its cluster. `labels` [n], -1 = noise, which counts as a cluster of its own.
    """
    alone = labels.max(initial=0) + 1 + np.arange(len(labels))
    cluster = _codes(album, np.where(labels >= 0, labels, alone))
    person = _codes(album, people)
    cell = _codes(cluster, person)
    together = np.bincount(cell)[cell]
    precision = together / np.bincount(cluster)[cluster]
    recall = together / np.bincount(person)[person]
    return float(precision.mean()), float(recall.mean())


def _cluster(vectors: Floats, people: Ints, albums: Albums, eps: float) -> tuple[float, float]:
    lake = vectors[albums.faces].astype(np.float16)
    every = np.full(len(albums.offsets) - 1, eps)
    labels = dbscan_albums(lake, albums.offsets, every, ClusteringSettings().min_samples)
    album = np.repeat(np.arange(len(every)), np.diff(albums.offsets))
    return b_cubed(labels, people[albums.faces], album)


def _codes(first: Ints, second: Ints) -> Ints:
    """A number for each different pair, from 0."""
    second = np.unique(second, return_inverse=True)[1]
    return np.unique(first * (second.max(initial=0) + 1) + second, return_inverse=True)[1]


def _rows(vectors: Floats) -> Iterator[tuple[int, Floats]]:
    wide = vectors.astype(np.float16).astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    for first in range(0, len(wide), ROWS_AT_ONCE):
        yield first, (wide[first : first + ROWS_AT_ONCE] @ wide.T).astype(np.float32)
