"""Whose clusters they are, by the true persons of their members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
MAX_FACE = 1 << 16  # face and cluster numbers are int16


def label_clusters(members: pa.Table, matches: pa.Table, truth_users: pa.Table) -> pa.Table:
    """Give each cluster of the truth's users its person.

    Only faces of state "member" that match a true face speak; noise, duplicates and unmatched faces do not.

    Parameters
    ----------
    members : table `members`. matches : of `match_faces`. truth_users : user_id, person_ids.

    Returns
    -------
    table sorted by user_id, cluster: user_id, cluster, owner (more than half of the matched members are persons of
    the account), person_id (the commonest person, the smallest id of equals; null without any match), purity (that
    person's share of the matched members; null without any), matched, owner_faces (int32 counts).
    """
    ours = pc.is_in(members["user_id"], value_set=pc.unique(truth_users["user_id"]))
    inside = pc.and_(pc.equal(members["state"], "member"), pc.greater_equal(members["cluster"], 0))
    members = members.filter(pc.and_(ours, inside))
    users, cluster = np.asarray(members["user_id"]), np.asarray(members["cluster"]).astype(np.int64)
    keys, place = unique_pairs(users, cluster)
    person, known = persons_of(members, matches)
    tally = _count(place[known], person[known])
    owned = owns(keys[tally.group, 0], tally.person, truth_users)
    matched = _sum(tally.group, tally.count, len(keys))
    own = _sum(tally.group[owned], tally.count[owned], len(keys))
    best = np.lexsort((tally.person, -tally.count, tally.group))
    first = best[np.unique(tally.group[best], return_index=True)[1]]
    top_person, top_count = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    top_person[tally.group[first]], top_count[tally.group[first]] = tally.person[first], tally.count[first]
    nobody = matched == 0
    return pa.table(
        {
            "user_id": pa.array(keys[:, 0], pa.int64()),
            "cluster": pa.array(keys[:, 1], pa.int16()),
            "owner": pa.array(2 * own > matched),
            "person_id": pa.array(top_person, pa.int64(), mask=nobody),
            "purity": pa.array((top_count / np.maximum(matched, 1)).astype(np.float32), mask=nobody),
            "matched": pa.array(matched, pa.int32()),
            "owner_faces": pa.array(own, pa.int32()),
        }
    )


def persons_of(rows: pa.Table, matches: pa.Table) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """True person of each row (photo_id, face), and whether it is known."""
    photos, place = np.unique(np.asarray(matches["photo_id"]), return_inverse=True)
    keys = place * MAX_FACE + np.asarray(matches["face"])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    person = np.asarray(matches["person_id"].fill_null(0))[order]
    known = np.asarray(matches["person_id"].is_valid())[order]
    if len(keys) == 0:
        return np.zeros(rows.num_rows, np.int64), np.zeros(rows.num_rows, np.bool_)
    asked = np.asarray(rows["photo_id"])
    photo = np.minimum(np.searchsorted(photos, asked), len(photos) - 1)
    wanted = photo * MAX_FACE + np.asarray(rows["face"])
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = (keys[found] == wanted) & (photos[photo] == asked)
    return np.where(there, person[found], 0), there & known[found]


def owns(users: Ints, persons: Ints, truth_users: pa.Table) -> npt.NDArray[np.bool_]:
    """Whether persons[i] is one of the persons of account users[i]; joint accounts own every id they list."""
    lists = truth_users["person_ids"].combine_chunks() if truth_users.num_rows else None
    if lists is None or len(users) == 0:
        return np.zeros(len(users), np.bool_)
    account = np.asarray(truth_users["user_id"])[np.asarray(pc.list_parent_indices(lists))]
    listed = np.asarray(pc.list_flatten(lists))
    pairs, place = unique_pairs(np.concatenate([account, users]), np.concatenate([listed, persons]))
    there = np.zeros(len(pairs), np.bool_)
    there[place[: len(account)]] = True
    return there[place[len(account) :]]


def unique_pairs(left: Ints, right: Ints) -> tuple[Ints, npt.NDArray[np.intp]]:
    """Distinct pairs [k, 2] sorted by left, right, and each row's place among them."""
    lefts, i = np.unique(left, return_inverse=True)
    rights, j = np.unique(right, return_inverse=True)
    codes, place = np.unique(i * max(len(rights), 1) + j, return_inverse=True)
    if len(codes) == 0:
        return np.zeros((0, 2), np.int64), place
    return np.stack([lefts[codes // len(rights)], rights[codes % len(rights)]], axis=1).astype(np.int64), place


@dataclass(frozen=True)
class _Tally:
    group: npt.NDArray[np.intp]
    person: Ints
    count: Ints


def _count(group: npt.NDArray[np.intp], person: Ints) -> _Tally:
    pairs, place = unique_pairs(group.astype(np.int64), person)
    return _Tally(pairs[:, 0].astype(np.intp), pairs[:, 1], np.bincount(place, minlength=len(pairs)).astype(np.int64))


def _sum(group: npt.NDArray[np.intp], count: Ints, groups: int) -> Ints:
    total = np.zeros(groups, np.int64)
    np.add.at(total, group, count)
    return total
