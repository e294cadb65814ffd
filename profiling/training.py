"""Train a scorer: the weight by least squares, the margin for a wanted precision, on labelled users, rounds included.

Every number that chooses something is cross-validated by user: a user's clusters are weighed by a regression that has
not seen that user, and it is these weights that make the profiles that the next round is trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling import tables
from profiling.albums import Flags, Floats, Ints, find, integers
from profiling.errors import PopulationError
from profiling.friend_evidence import FriendEvidence, friend_evidence
from profiling.leaders import NOBODY, Leaders, choose_leaders
from profiling.margins import FIRST_MARGIN, LIMITS, choose_margin, curve
from profiling.regression import fit_weights
from profiling.rounds import evidence_matrix
from profiling.scorer import RoundWeights, Scorer
from profiling.vectors import unpack_vectors

ROUNDS = 3  # entries of a scorer: without friends, with first profiles, with profiles made with friends
FOLDS = 10  # of the cross-validation, by user
REPEATS = 5  # of it, with other folds: the margin then hangs on no single cut
MIN_USERS = 20  # labelled users with a cluster of their own; below it a margin is a guess
DECIMALS = 6  # of metrics


@dataclass(frozen=True)
class TrainingTables:
    """What a whole population's clusters and friendships are, buckets concatenated.

    Parameters
    ----------
    users, clusters : tables of all buckets, any order.
    indptr, friend_rows : friends of the user of row r are ``friend_rows[indptr[r]:indptr[r + 1]]``.
    eps : cosine distance that counts as one, as `score_round` takes it.
    model_sha256 : of the network that made the embeddings.
    """

    users: pa.Table
    clusters: pa.Table
    indptr: Ints
    friend_rows: npt.NDArray[np.int32]
    eps: float
    model_sha256: str


def train_scorer(
    data: TrainingTables,
    labels: pa.Table,
    wanted: float = 0.99,
    provenance: Mapping[str, Any] | None = None,
    stated: Mapping[str, float] | None = None,
) -> Scorer:
    """Fit weights and margins.

    Parameters
    ----------
    labels : user_id, cluster, owner, at least; every user in it counts as labelled, and the clusters that it does not
        name as not the owner's (`evaluation.label_clusters` of the users to train on).
    wanted : precision that the margin aims at: profiles that are the owner's, of all profiles.
    provenance : what to remember of the data; a fingerprint of it, metrics and the precision-coverage curve are added.
    stated : of the evidence that the labels were read from, what a unit of it is worth (`weak_labels.STATED`); it is
        hidden where the labelled users are judged, because it would only say again what the labels say.

    Raises
    ------
    PopulationError
        Fewer than `MIN_USERS` labelled users have a cluster of their own.

    Notes
    -----
    Deterministic: folds hang on user ids alone, and the order of rows on nothing.
    """
    problem = _Problem.of(data, labels, stated or {})
    rounds: list[RoundWeights] = []
    metrics: list[dict[str, Any]] = []
    profiles: npt.NDArray[np.float16] | None = None
    for _ in range(ROUNDS):
        matrix = evidence_matrix(problem.clusters, problem.friend_evidence(profiles))
        fitted = fit_weights(matrix, problem.owned, problem.owner, problem.labelled, stated)
        held_out = problem.cross_validate(matrix)
        strength, right = problem.decisions(held_out)
        least = LIMITS[0] if rounds else FIRST_MARGIN
        margin = choose_margin(strength, right, REPEATS, wanted, least)
        rounds.append(RoundWeights(fitted.means, fitted.scales, fitted.coefficients, fitted.intercept, margin))
        shares = problem.shares(held_out, margin)
        metrics.append(shares | {"curve": curve(strength, right, REPEATS, problem.reachable)})
        weight = np.where(problem.labelled, held_out[0], fitted.weigh(matrix))
        profiles = problem.profiles(problem.choose(weight, margin))
    about: dict[str, Any] = {"labelled_users": int(problem.labelled_users.sum()), "with_own_cluster": problem.reachable}
    about["data"] = problem.fingerprint
    about |= {"wanted_precision": wanted, "folds": FOLDS, "repeats": REPEATS, "cross_validated": metrics}
    return Scorer(data.model_sha256, tuple(rounds), {**(provenance or {}), **about})


def judge_scorer(
    data: TrainingTables, labels: pa.Table, scorer: Scorer, stated: Mapping[str, float] | None = None
) -> dict[str, float]:
    """How a scorer that is there already does on labelled users: the shares of the last round, as `train_scorer` has
    them cross-validated. A scorer that was trained on these users is judged too kindly.

    Parameters
    ----------
    labels, stated : as for `train_scorer`.
    """
    problem = _Problem.of(data, labels, stated or {})
    profiles: npt.NDArray[np.float16] | None = None
    shares: dict[str, float] = {}
    for number in range(ROUNDS):
        matrix = evidence_matrix(problem.clusters, problem.friend_evidence(profiles))
        for column, name in enumerate(tables.EVIDENCE):
            if name in problem.stated:
                matrix[problem.labelled, column] = np.nan
        weight, margin = scorer.weigh(matrix, number), scorer.of_round(number).margin
        shares = problem.shares(np.repeat(weight[None], REPEATS, axis=0), margin)
        profiles = problem.profiles(problem.choose(weight, margin))
    return shares


@dataclass(frozen=True)
class _Problem:
    """The population as arrays: clusters sorted by user, number; users by row."""

    data: TrainingTables
    clusters: pa.Table
    user_id: Ints
    owner: Ints  # [clusters], row of the user
    owned: Flags  # [clusters], labelled as the owner's
    labelled: Flags  # [clusters], of a labelled user
    labelled_users: Flags  # [users]
    stated: Mapping[str, float]

    @classmethod
    def of(cls, data: TrainingTables, labels: pa.Table, stated: Mapping[str, float]) -> _Problem:
        clusters = data.clusters.sort_by([("user_id", "ascending"), ("cluster", "ascending")])
        users = data.users.sort_by("row")
        user_id = integers(users["user_id"])
        by_id = np.argsort(user_id, kind="stable")
        owner = by_id[find(integers(clusters["user_id"]), user_id[by_id])[0]]
        order = np.lexsort((integers(clusters["cluster"]), owner))
        clusters, owner = clusters.take(pa.array(order)), owner[order]
        labelled_users = np.isin(user_id, integers(labels["user_id"]))
        mine = labels.filter(labels["owner"])
        own = set(zip(mine["user_id"].to_pylist(), mine["cluster"].to_pylist(), strict=True))
        pairs = zip(clusters["user_id"].to_pylist(), clusters["cluster"].to_pylist(), strict=True)
        owned = np.fromiter((pair in own for pair in pairs), np.bool_, len(owner))
        found = cls(data, clusters, user_id, owner, owned, labelled_users[owner], labelled_users, stated)
        if found.reachable < MIN_USERS:
            raise PopulationError(
                f"labels: {found.reachable} users have a cluster of their own, a scorer needs {MIN_USERS}; "
                "give the truth of a larger population"
            )
        return found

    @property
    def reachable(self) -> int:
        """Labelled users with a cluster of their own."""
        return len(np.unique(self.owner[self.owned & self.labelled]))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of clusters, labels and friendships, whatever the order of rows."""
        found = hashlib.blake2b(digest_size=8)
        evidence = evidence_matrix(self.clusters, FriendEvidence.unknown(len(self.owner)))
        evidence = np.where(np.isnan(evidence), np.nan, evidence)  # one NaN of the many bit patterns
        centroids = unpack_vectors(self.clusters["centroid"])
        friends = (self.data.indptr.astype(np.int64), self.data.friend_rows.astype(np.int32))
        for part in (self.user_id, self.owner, evidence, centroids, self.owned, self.labelled_users, *friends):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()

    def friend_evidence(self, profiles: npt.NDArray[np.float16] | None) -> FriendEvidence:
        if profiles is None:
            return FriendEvidence.unknown(len(self.owner))
        centroids = unpack_vectors(self.clusters["centroid"])
        data = self.data
        return friend_evidence(self.owner, centroids, data.indptr, data.friend_rows, profiles, data.eps)

    def cross_validate(self, matrix: Floats) -> Floats:
        """Weights that have not seen their user, float64 [REPEATS, clusters]; NaN for users without labels."""
        weight = np.full((REPEATS, len(self.owner)), np.nan)
        hidden = np.where([name in self.stated for name in tables.EVIDENCE], np.nan, matrix)
        for repeat in range(REPEATS):
            fold = _folds(self.user_id, repeat)[self.owner]
            for held in range(FOLDS):
                rows = self.labelled & (fold == held)
                if rows.any():
                    fitted = fit_weights(matrix, self.owned, self.owner, self.labelled & ~rows, self.stated)
                    weight[repeat, rows] = fitted.weigh(hidden[rows])
        return weight

    def choose(self, weight: Floats, margin: float) -> Leaders:
        unknown = np.full(len(weight), np.nan)
        return choose_leaders(self.owner, weight, unknown, len(self.user_id), margin)

    def decisions(self, held_out: Floats) -> tuple[Floats, Flags]:
        """Lead of the heaviest cluster of each labelled user with clusters, and whether it is the owner's."""
        strength, right = [], []
        for weight in held_out:
            leaders = self.choose(weight, 0.0)
            users = np.flatnonzero(self.labelled_users & (leaders.best >= 0))
            strength.append(np.fmin(leaders.margin, leaders.weight - NOBODY)[users])
            right.append(self.owned[leaders.best[users]])
        return np.concatenate(strength), np.concatenate(right)

    def shares(self, held_out: Floats, margin: float) -> dict[str, float]:
        """Leader accuracy before any margin, precision and coverage (of users with an own cluster) with it."""
        strength, right = self.decisions(held_out)
        kept = strength >= margin
        return {
            "leader_accuracy": round(float(right.sum() / REPEATS / self.reachable), DECIMALS),
            "precision": round(float(right[kept].mean()) if kept.any() else 0.0, DECIMALS),
            "coverage": round(float((right & kept).sum() / REPEATS / self.reachable), DECIMALS),
        }

    def profiles(self, leaders: Leaders) -> npt.NDArray[np.float16]:
        """What these leaders make of the next round's profiles, float16 [users, 2, dim]."""
        centroids = unpack_vectors(self.clusters["centroid"])
        padded = np.concatenate([centroids, np.zeros((1, centroids.shape[1]), np.float16)])
        return np.stack([padded[leaders.leader], padded[leaders.second]], axis=1)


def _folds(user_id: Ints, repeat: int) -> Ints:
    """The fold of each user, from the id alone (splitmix64, as lakes hash)."""
    with np.errstate(over="ignore"):
        x = user_id.astype(np.uint64) + np.uint64(repeat + 1) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x % np.uint64(FOLDS)).astype(np.int64)
