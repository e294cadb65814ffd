"""What is no face: the network sends carpets, leaves and walls to a few places; how near is a vector to one of them?

Kith's predecessor at OK.ru noticed that "the face id network sends all variety of the nonface images only to a few
regions of the embedding space", and dropped detections near the centroids of such regions. Unfiltered, non-faces look
like one person who is in everybody's album.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

CENTROIDS = 14  # as many regions as OK.ru found; dlib with 30: AUC on held-out false finds .001 better
RESTARTS = 10  # of k-means, the best kept
FACES_LOST = 0.005  # share of real faces that the cut may cost; photos hold far more faces than false finds
SEED = 20180704  # any fixed number: the same vectors give the same centroids

Floats = npt.NDArray[np.float32]


def fit_centroids(vectors: Floats, count: int = CENTROIDS) -> Floats:
    """The centres of `count` regions into which a network sends pictures without a face.

    Parameters
    ----------
    vectors : float32 [n, dim], unit length, n >= count: embeddings of chips without faces.

    Returns
    -------
    float32 [count, dim], sorted by their first numbers so that equal inputs give equal bytes; not of unit length.
    """
    from sklearn.cluster import KMeans  # a second of import that only fitting needs

    means = KMeans(count, n_init=RESTARTS, random_state=SEED).fit(vectors.astype(np.float64)).cluster_centers_
    centroids: Floats = means[np.lexsort(means.T[::-1])].astype(np.float32)
    return centroids


def nonface_distance(vectors: Floats, centroids: Floats) -> Floats:
    """How far each vector is from the nearest non-face centroid.

    Parameters
    ----------
    vectors : float32 [n, dim], unit length.
    centroids : float32 [k, dim].

    Returns
    -------
    float32 [n], Euclidean, 0 to 2: small is no face. A row's bits do not depend on the other rows.
    """
    nearest = np.full(len(vectors), np.inf, np.float32)
    for centroid in centroids:  # one at a time: memory stays that of `vectors`
        nearest = np.minimum(nearest, np.square(vectors - centroid).sum(axis=1))
    return np.sqrt(nearest)


def choose_cut(faces: Sequence[Floats], lost: float = FACES_LOST) -> float:
    """The distance below which a detection is no face.

    Parameters
    ----------
    faces : for each collection of real faces their `nonface_distance`, [n] each.
    lost : share of faces that no collection may exceed below the cut, 0 to 1.

    Returns
    -------
    0 to 2; faces of exactly this distance are kept.
    """
    return min(float(np.quantile(distances, lost, method="lower")) for distances in faces)
