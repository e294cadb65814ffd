"""How well albums were read: coverage, precision and leaders, user by user, round by round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.evaluation.intervals import share
from profiling.evaluation.labels import owns, unique_pairs
from profiling.tables import NO_CLUSTER

MIN_OWN_FACES = 2  # of a user in their album before a profile is asked of them; min_samples of a cluster

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Albums:
    """What the truth says of each user's album, before any scoring; arrays [n] over the users, sorted by id."""

    users: Ints
    own_faces: Ints  # true faces of the account's persons on the photos of its album
    own_cluster: Bools  # there is a cluster that is the owner's
    largest_own: Bools  # the largest cluster is the owner's
    avatar_own: Bools  # the cluster on most avatars is the owner's


@dataclass(frozen=True)
class Round:
    """What one round made of the albums; arrays [n] in the order of `Albums`."""

    resolved: Bools  # the user has a profile
    profiles: Ints  # how many: 0, 1 or 2
    right: Ints  # how many of these are made of faces that are mostly the owner's
    heaviest_own: Bools  # the cluster of the largest weight is the owner's


def read_albums(
    truth_users: pa.Table, truth_faces: pa.Table, photos: pa.Table, clusters: pa.Table, labels: pa.Table
) -> Albums:
    """What the truth says of each user's album.

    Parameters
    ----------
    truth_users : sorted by user_id. photos : photo_id, owner_id of every photo of the albums, selected or not.
    clusters : user_id, cluster, faces, avatar. labels : of `label_clusters`.
    """
    users = np.asarray(truth_users["user_id"])
    owners, persons = _faces_in_albums(truth_faces, photos)
    own = owners[owns(owners, persons, truth_users)]
    rows = _rows_of(users, clusters)
    owner = is_owners(clusters, labels)
    avatar = np.nan_to_num(np.asarray(clusters["avatar"].cast(pa.float64()).fill_null(np.nan)))
    on_avatar = np.bincount(rows.user[avatar[rows.row] > 0], minlength=len(users)) > 0
    return Albums(
        users=users,
        own_faces=np.bincount(_place(users, own), minlength=len(users)).astype(np.int64),
        own_cluster=np.bincount(rows.user[owner[rows.row]], minlength=len(users)) > 0,
        largest_own=_best_is_own(rows, np.asarray(clusters["faces"], dtype=np.float64), clusters, owner, len(users)),
        avatar_own=on_avatar & _best_is_own(rows, avatar, clusters, owner, len(users)),
    )


def read_round(albums: Albums, scores: pa.Table, profiles: pa.Table, labels: pa.Table) -> Round:
    """Judge one round: its `scores` (user_id, cluster, weight) and its `profiles` (user_id, reason, leader, second)."""
    users = albums.users
    rows = _rows_of(users, scores)
    weight = np.asarray(scores["weight"].cast(pa.float64()).fill_null(np.nan))
    weight = np.where(np.isnan(weight), -np.inf, weight)
    owner = is_owners(scores, labels)
    resolved = profiles.filter(pc.equal(profiles["reason"], "ok"))
    count, right = np.zeros(len(users), np.int64), np.zeros(len(users), np.int64)
    for column in ("leader", "second"):
        made = pa.table({"user_id": resolved["user_id"], "cluster": resolved[column].fill_null(NO_CLUSTER)})
        made = made.filter(pc.not_equal(made["cluster"], NO_CLUSTER))
        place = _rows_of(users, made)
        count += np.bincount(place.user, minlength=len(users))
        right += np.bincount(place.user[is_owners(made, labels)[place.row]], minlength=len(users))
    return Round(
        resolved=np.bincount(_rows_of(users, resolved).user, minlength=len(users)) > 0,
        profiles=count,
        right=right,
        heaviest_own=_best_is_own(rows, weight, scores, owner, len(users)),
    )


def round_shares(albums: Albums, made: Round, mask: Bools) -> dict[str, Any]:
    """Coverage, precision and leader accuracy among the users of `mask`."""
    asked = mask & (albums.own_faces >= MIN_OWN_FACES)
    with_own = mask & albums.own_cluster
    return {
        "leader_accuracy": share(_number(with_own & made.heaviest_own), _number(with_own)),
        "coverage": share(_number(asked & made.resolved), _number(asked)),
        "precision": share(int(made.right[mask].sum()), int(made.profiles[mask].sum())),
    }


def album_shares(albums: Albums, made: Round, mask: Bools) -> dict[str, Any]:
    """All metrics of the albums of `mask` after a round: counts, `round_shares` and the baselines."""
    with_own = mask & albums.own_cluster
    return {
        "users": _number(mask),
        "profiles": int(made.profiles[mask].sum()),
        **round_shares(albums, made, mask),
        "baseline_largest_cluster": share(_number(with_own & albums.largest_own), _number(with_own)),
        "baseline_avatar": share(_number(with_own & albums.avatar_own), _number(with_own)),
    }


def is_owners(table: pa.Table, labels: pa.Table) -> Bools:
    """Whether each (user_id, cluster) of `table` is labelled as its owner's; clusters without a label are not."""
    mine = labels.filter(labels["owner"])
    users = np.concatenate([np.asarray(mine["user_id"]), np.asarray(table["user_id"])])
    clusters = np.concatenate([np.asarray(mine["cluster"]), np.asarray(table["cluster"])])
    pairs, place = unique_pairs(users, clusters.astype(np.int64))
    owned = np.zeros(len(pairs), np.bool_)
    owned[place[: mine.num_rows]] = True
    return owned[place[mine.num_rows :]]


@dataclass(frozen=True)
class _Rows:
    user: npt.NDArray[np.intp]  # place of the user among the truth's
    row: npt.NDArray[np.intp]  # row of the table


def _rows_of(users: Ints, table: pa.Table) -> _Rows:
    asked = np.asarray(table["user_id"])
    row = np.flatnonzero(np.isin(asked, users))
    return _Rows(_place(users, asked[row]), row)


def _place(users: Ints, asked: Ints) -> npt.NDArray[np.intp]:
    return np.searchsorted(users, asked)


def _best_is_own(
    rows: _Rows, value: npt.NDArray[np.float64], table: pa.Table, owner: Bools, users: int
) -> npt.NDArray[np.bool_]:
    """Whether each user's cluster of the largest value, the lower number of equals, is the owner's."""
    cluster = np.asarray(table["cluster"])[rows.row]
    order = np.lexsort((cluster, -value[rows.row], rows.user))
    user, first = np.unique(rows.user[order], return_index=True)
    result = np.zeros(users, np.bool_)
    result[user] = owner[rows.row[order[first]]]
    return result


def _faces_in_albums(truth_faces: pa.Table, photos: pa.Table) -> tuple[Ints, Ints]:
    """Owner of the album and person of each true face that lies in an album."""
    ids, owners = np.asarray(photos["photo_id"]), np.asarray(photos["owner_id"])
    order = np.argsort(ids, kind="stable")
    asked, persons = np.asarray(truth_faces["photo_id"]), np.asarray(truth_faces["person_id"])
    if len(ids) == 0:
        return asked[:0], persons[:0]
    place = order[np.minimum(np.searchsorted(ids, asked, sorter=order), len(ids) - 1)]
    there = ids[place] == asked
    return owners[place[there]], persons[there]


def _number(mask: Bools) -> int:
    return int(np.count_nonzero(mask))
