"""Which faces of an album are one person: DBSCAN, then what DBSCAN alone gets wrong.

One link between two people is enough to make DBSCAN one cluster of them, and the looser eps, the likelier. So albums
are clustered at a loose eps, and a cluster that does not look like one person (it is too wide, or holds two faces of
many of its photos) is cut again at a stricter one, step by step; then clusters that lie close are merged. An album that
shows nobody twice is looked at again at a looser eps: so few faces leave few chances to take two people for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.clustering import dbscan_albums
from profiling.exact import dot_rows, lengths, sum_by_code

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Grouping:
    """When faces are one person, distances in units of the model's eps, so that any scale of distances will do.

    Chosen on the dev population with dlib's network; see docs/decisions/0006-evidence.md.
    """

    steps: tuple[float, ...] = (1.1, 1.0, 0.9)  # eps of the first try and of each further cut
    widest: float = 1.1  # mean distance between two faces of one person
    twins: float = 0.15  # share of photos with two faces of one person: collages and mirrors make a few
    merge: float = 0.5  # distance between two centroids of one person
    alone: float = 1.4  # eps where an album has no cluster at all


@dataclass(frozen=True)
class AlbumFaces:
    """Faces to group, album after album.

    Parameters
    ----------
    vectors : float16 [n, dim], about unit length. bounds : int64 [albums + 1], rows of album a.
    photo : int64 [n], code of the photo. weight : int64 [n], 0 = the face of a near-duplicate photo.
    eps : float32 [albums], cosine distance.
    """

    vectors: Halves
    bounds: Ints
    photo: Ints
    weight: Ints
    eps: npt.NDArray[np.float32]

    @property
    def album(self) -> Ints:
        """int64 [n]: the album of each face."""
        return np.repeat(np.arange(len(self.eps)), np.diff(self.bounds))


def group_faces(faces: AlbumFaces, min_samples: int, rules: Grouping | None = None) -> Ints:
    """Label the faces of all albums.

    Returns
    -------
    int64 [n]: codes from 0 without gaps over all albums, each with at least one face of weight 1; -1 = noise. Which
    code a cluster gets means nothing.
    """
    rules = rules or Grouping()
    album = faces.album
    labels = np.full(len(album), -1, np.int64)
    todo, part = np.arange(len(album)), album
    for step, factor in enumerate(rules.steps):
        codes = _cut(faces, todo, part, faces.eps[album[todo]] * factor, min_samples)
        again = np.zeros(len(todo), np.bool_)
        if step + 1 < len(rules.steps):
            again = _mixed(faces, todo, codes, faces.eps[album[todo]], rules)
        done = ~again & (codes >= 0)
        labels[todo[done]] = labels.max(initial=-1) + 1 + codes[done]
        order = np.argsort(codes[again], kind="stable")
        todo, part = todo[again][order], codes[again][order]
    bare = np.flatnonzero(np.bincount(album[labels >= 0], minlength=len(faces.eps))[album] == 0)
    codes = _cut(faces, bare, album[bare], faces.eps[album[bare]] * rules.alone, min_samples)
    labels[bare] = np.where(codes >= 0, labels.max(initial=-1) + 1 + codes, -1)
    labels = _merge(faces, _compact(labels), rules)
    helped = np.bincount(labels[labels >= 0], weights=faces.weight[labels >= 0])
    return _compact(np.where((labels >= 0) & (helped[labels] > 0), labels, -1)) if len(helped) else labels


def centroids(vectors: Halves, codes: Ints, weight: Ints) -> Halves:
    """Unit mean of the vectors of each code, float16 [codes, dim]; near-duplicates (weight 0) left out."""
    total = sum_by_code(vectors, codes, weight)
    return (total / lengths(total)[:, None]).astype(np.float16)


def width(vectors: Halves, codes: Ints, weight: Ints) -> Floats:
    """Mean cosine distance between two members, float64 [codes]; 0 for less than two.

    The square of the sum of n unit vectors is n plus all their products, so no pair need be looked at.
    """
    total = sum_by_code(vectors, codes, weight)
    inside = (codes >= 0) & (weight > 0)
    count = np.bincount(codes[inside], minlength=len(total)).astype(np.float64)
    own = np.bincount(codes[inside], weights=dot_rows(vectors, vectors)[inside], minlength=len(total))
    pairs = np.where(count > 1, count * (count - 1), np.inf)
    return np.asarray(np.where(count > 1, 1.0 - (dot_rows(total, total) - own) / pairs, 0.0))


def twin_share(photo: Ints, codes: Ints, weight: Ints) -> Floats:
    """Share of the photos of each code that show it twice, float64 [codes]; near-duplicates left out."""
    count = int(codes.max(initial=-1)) + 1
    inside = (codes >= 0) & (weight > 0)
    pairs, faces = np.unique(np.stack([codes[inside], photo[inside]]), axis=1, return_counts=True)
    photos = np.bincount(pairs[0], minlength=count)
    twice = np.bincount(pairs[0], weights=faces > 1, minlength=count)
    return np.asarray(twice / np.maximum(photos, 1))


def _cut(faces: AlbumFaces, todo: Ints, part: Ints, eps: npt.NDArray[np.floating], min_samples: int) -> Ints:
    """DBSCAN within each part of the faces `todo` (sorted by part); codes without gaps over all parts."""
    edges = np.flatnonzero(np.r_[True, np.diff(part) != 0, True]) if len(part) else np.zeros(1, np.int64)
    found = dbscan_albums(faces.vectors[todo], edges, eps[edges[:-1]], min_samples, faces.weight[todo])
    start = np.repeat(edges[:-1], np.diff(edges))
    return _compact(np.where(found >= 0, start + found, -1))


def _mixed(faces: AlbumFaces, todo: Ints, codes: Ints, eps: npt.NDArray[np.float32], rules: Grouping) -> Flags:
    """Which of the faces `todo` lie in a cluster that is hardly one person."""
    count = int(codes.max(initial=-1)) + 1
    scale = np.zeros(count)
    scale[codes[codes >= 0]] = eps[codes >= 0]
    weight = faces.weight[todo]
    wide = width(faces.vectors[todo], codes, weight) > rules.widest * scale
    mixed = wide | (twin_share(faces.photo[todo], codes, weight) > rules.twins)
    return np.asarray((codes >= 0) & mixed[codes]) if count else np.zeros(len(todo), np.bool_)


def _merge(faces: AlbumFaces, labels: Ints, rules: Grouping) -> Ints:
    """Clusters of one album whose centroids are close become one, unless the result looks like two people."""
    if labels.max(initial=-1) < 1:
        return labels
    middle = centroids(faces.vectors, labels, faces.weight)
    album = np.zeros(len(middle), np.int64)
    album[labels[labels >= 0]] = faces.album[labels >= 0]
    order = np.argsort(album, kind="stable")
    bounds = np.searchsorted(album[order], np.arange(len(faces.eps) + 1))
    joined = np.empty(len(middle), np.int64)
    joined[order] = bounds[album[order]] + dbscan_albums(middle[order], bounds, faces.eps * rules.merge, 1)
    merged = _compact(np.where(labels >= 0, joined[labels], -1))
    apart = _mixed(faces, np.arange(len(merged)), merged, faces.eps[faces.album], rules)
    fresh = np.where(apart, labels + len(middle), merged)
    return _compact(fresh)


def _compact(codes: Ints) -> Ints:
    """The same partition with codes from 0 without gaps, in the order of the old ones; -1 stays."""
    known, place = np.unique(codes, return_inverse=True)
    return place.astype(np.int64) - int(len(known) > 0 and known[0] < 0)
