"""Drawn albums at the level of clusters: who is seen how often, what speaks for whom, and a centroid for each.

People are as far apart as the faces of `simulated_faces.json` (measured by face_spread.py); a centroid is as far from
its person as the mean of its faces would be. Albums are made of portraits and photos of several people; evidence is
what the cluster stage would compute of these counts, and drawn by lot where it needs pixels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FACES_FILE = Path(__file__).parent / "simulated_faces.json"
UNEVEN = 0.35  # spread of the logarithm of how blurred a face is: gives the measured range of distances
STRANGERS = 1 << 16  # people who are no users: stars and passers-by
FRIENDS_SEEN, STRANGERS_SEEN = 2.6, 0.7  # mean clusters of an album
NO_FACES, NEVER_SEEN = 0.02, 0.03  # share of users with no cluster at all, and without one of their own
FRIEND_HEAVY = 0.12  # share of albums in which one friend is seen more than the owner
OWNER, FRIEND, STRANGER = 0, 1, 2

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Halves = npt.NDArray[np.float16]


class FaceModel:
    """Draws people and faces as far apart as those of a real network."""

    def __init__(self, path: Path = FACES_FILE) -> None:
        about = json.loads(path.read_text())
        self.model: str = about["model"]
        self._mean, self._person, self._face = (np.array(about[k], np.float32) for k in ("mean", "person", "face"))

    def people(self, first: int, count: int, seed: int) -> npt.NDArray[np.float32]:
        """People number `first` to ``first + count``, float32 [count, dim], not of unit length."""
        rng = np.random.default_rng([seed, 2, first])
        return self._mean + self._person * rng.standard_normal((count, len(self._mean)), np.float32)

    def centroids(self, people: npt.NDArray[np.float32], faces: Ints, rng: np.random.Generator) -> Halves:
        """The unit mean of `faces` faces of each person, float16 [n, dim]."""
        blur = np.exp(rng.normal(-(UNEVEN**2) / 2, UNEVEN, len(people))) / np.sqrt(faces)
        off = rng.standard_normal(people.shape, np.float32) * self._face * blur[:, None].astype(np.float32)
        vectors = people + off
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


@dataclass(frozen=True)
class Albums:
    """Clusters of some users, the largest of an album first; arrays [clusters] unless said otherwise.

    owner : place of the user, ascending. kind : OWNER, FRIEND or STRANGER. who : row of the user, or number of the
    stranger. number : within the album. portraits, groups : photos of the person alone, and with others.
    photos, together : [users], photos of the album that show a cluster, and those of several people.
    """

    owner: Ints
    kind: Ints
    who: Ints
    number: Ints
    portraits: Ints
    groups: Ints
    photos: Ints
    together: Ints

    @property
    def faces(self) -> Ints:
        """Photos that show the cluster, each with one face of it."""
        return self.portraits + self.groups


def draw_albums(first: int, indptr: Ints, friends: npt.NDArray[np.int32], rng: np.random.Generator) -> Albums:
    """Albums of the users of rows from `first` on, with their friends as CSR."""
    users = len(indptr) - 1
    some = rng.random(users) >= NO_FACES
    own = some & (rng.random(users) >= NEVER_SEEN)
    met = np.where(some, np.minimum(rng.poisson(FRIENDS_SEEN, users), np.diff(indptr)), 0)
    strange = np.where(some, rng.poisson(STRANGERS_SEEN, users), 0)
    place = np.arange(users)
    owner = np.concatenate([place[own], np.repeat(place, met), np.repeat(place, strange)])
    kind = np.repeat([OWNER, FRIEND, STRANGER], [own.sum(), met.sum(), strange.sum()])
    nth = np.arange(met.sum()) - np.repeat(np.cumsum(met) - met, met)
    step = indptr[np.repeat(place, met)] + (nth * 7 + np.repeat(rng.integers(0, 5_000, users), met)) % np.repeat(
        np.diff(indptr), met
    )
    who = np.concatenate(
        [first + place[own], friends[step].astype(np.int64), rng.integers(0, STRANGERS, strange.sum())]
    )
    heavy = (rng.random(users) < FRIEND_HEAVY)[owner]
    mean = np.select([kind == OWNER, (kind == FRIEND) & heavy], [5.0, 6.0], 1.2)
    portraits = rng.poisson(rng.gamma(2.0, mean / 2)) + (kind != FRIEND)
    groups = rng.poisson(rng.gamma(2.0, np.select([kind == OWNER, kind == FRIEND], [2.5, 1.0], 0.2)))
    portraits += 2 * (portraits + groups < 2)  # DBSCAN asks for two photos
    order = np.lexsort((who, -(portraits + groups), owner))
    owner, kind, who, portraits, groups = (each[order] for each in (owner, kind, who, portraits, groups))
    bounds = np.searchsorted(owner, np.arange(users + 1))
    number = np.arange(len(owner)) - bounds[owner]
    alone = np.bincount(owner, portraits, users).astype(np.int64)
    together = np.zeros(users, np.int64)
    np.maximum.at(together, owner, groups)
    together = np.maximum(together, (np.bincount(owner, groups, users) / 2).astype(np.int64))
    return Albums(owner, kind, who, number, portraits, groups, alone + together, together)


def draw_evidence(albums: Albums, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float32]]:
    """Columns of `tables.BASE_EVIDENCE`, float32 [clusters], NaN = not known."""
    owner, n, users = albums.owner, len(albums.owner), len(albums.photos)
    mine, friend = albums.kind == OWNER, albums.kind == FRIEND
    photos, together = albums.photos[owner], albums.together[owner]
    tagged, pictured = (rng.random(users) < 0.3)[owner], (rng.random(users) < 0.7)[owner]
    votes = rng.poisson(1.5, n)
    share = albums.faces / np.maximum(photos, 1)
    looks = {name: rng.normal(0.1 * mine, spread) for name, spread in LOOKS.items()}
    found = looks | {
        "size": np.log1p(albums.faces),
        "share": share,
        "solo": _ratio(albums.portraits, photos - together),
        "group": _ratio(np.minimum(albums.groups, together), together),
        "avatar": np.where(pictured, np.where(mine, 0.7, 0.1) * rng.random(n), np.nan),
        "tags_owner": np.where(tagged, np.where(mine, votes / (1 + votes), 0.0), np.nan),
        "tags_confirmed": np.full(n, np.nan),
        "tags_rejected": np.full(n, np.nan),
        "tags_others": np.where(tagged, np.where(friend, votes / (1 + votes), 0.0), np.nan),
        "age_agreement": -rng.beta(1, np.where(mine, 9, 3)),
        "gender_agreement": np.where(mine, 0.8, rng.choice([-0.8, 0.8], n)) + rng.normal(0, 0.15, n),
        "same_photo": np.where(rng.random(n) < 0.03, 0.1, 0.0),
        "co_occurrence": np.log1p(rng.poisson(np.select([mine, friend], [2.0, 0.7], 0.05))),
        "friend_share": np.select([mine, friend], [rng.beta(1, 8, n), rng.beta(5, 4, n)], 0.0),
    }
    return {name: np.asarray(column, np.float32) for name, column in found.items()}


LOOKS = {"quality": 0.8, "score": 0.5, "sharpness": 0.27, "norm": 0.035}  # spread against the album, as in the scorer


def _ratio(part: Ints, whole: Ints) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
