"""Albums drawn from faces whose people are known, and how well a grouping of them agrees with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

OWNER_PHOTOS = 8  # an owner has at least so many, where there are such people
MOST_PHOTOS = 40  # and shows at most so many; dev population: 24 alone and 16 with others at most
# Of the others seen once: .92 in the dev population, which has no families; .5 moves eps by at most a tenth (dlib).
SEEN_ONCE = 0.8
STOP = 0.3  # the rest are seen twice and, each further time, once more with a probability of 1 - STOP
SEED = 11

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DrawnAlbums:
    """`faces` are places in a list of vectors, album a is ``faces[bounds[a]:bounds[a + 1]]``, its owner first."""

    faces: Ints
    bounds: Ints

    @property
    def album(self) -> Ints:
        """int64 [faces]: the album of each face."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))


def draw_albums(people: Ints, size: int, count: int) -> DrawnAlbums:
    """`count` albums that show `size` people each: an owner with many photos, others mostly once.

    `people` [n] says whose each face is; where there are fewer than `size` people, an album shows them all. Equal input
    gives equal albums.
    """
    random = np.random.default_rng([SEED, size])
    names, code, photos = np.unique(people, return_inverse=True, return_counts=True)
    own = np.split(np.argsort(code, kind="stable"), np.cumsum(photos)[:-1])
    owners = np.flatnonzero(photos >= min(OWNER_PHOTOS, int(photos.max())))
    faces: list[Ints] = []
    bounds = [0]
    for _ in range(count):
        owner = int(random.choice(owners))
        others = random.permutation(np.delete(np.arange(len(names)), owner))[: size - 1]
        faces.append(random.permutation(own[owner])[:MOST_PHOTOS])
        for other in others:
            times = 1 if random.random() < SEEN_ONCE else 1 + int(random.geometric(STOP))
            faces.append(random.permutation(own[other])[:times])
        bounds.append(bounds[-1] + sum(map(len, faces[-1 - len(others) :])))
    return DrawnAlbums(np.concatenate(faces).astype(np.int64), np.array(bounds, np.int64))


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


def _codes(first: Ints, second: Ints) -> Ints:
    """A number for each different pair, from 0."""
    second = np.unique(second, return_inverse=True)[1]
    return np.unique(first * (second.max(initial=0) + 1) + second, return_inverse=True)[1]
