"""The audit of one bucket: exact counts that add up to the same answer however the users are divided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.albums import numbers
from profiling.audit.change import Before, compare
from profiling.audit.groups import count_groups, label_groups
from profiling.errors import LakeError
from profiling.tallies import (
    MARGIN_EDGES,
    WEIGHT_EDGES,
    count_repeated,
    count_values,
    histogram,
    spread_histogram,
    tally_norms,
)

READ_WELL = ("ok", "no_face")  # reasons of `seen` that are no failure to read a photo

BucketAudit = dict[str, Any]


def audit_bucket(
    users: pa.Table,
    people: pa.Table,
    profiles: Sequence[pa.Table],
    clusters: pa.Table,
    members: pa.Table,
    selection: pa.Table,
    seen: pa.Table,
    faces: pa.Table,
    scores: Sequence[pa.Table],
    before: Before | None = None,
) -> BucketAudit:
    """Sum up one bucket.

    Parameters
    ----------
    users, people, clusters, members, selection, seen, faces : tables of the bucket, of any dimension. Rows of `seen`
        and `faces` of photos that are not selected count nothing.
    profiles, scores : one table a round, round 0 first.
    before : the same users in the last generation; None where there is none to compare with.

    Raises
    ------
    LakeError
        When the last round does not hold each user of the bucket exactly once, with a reason.
    """
    last = profiles[-1]
    _check_users(users, last)
    chosen = pc.unique(selection["photo_id"])
    seen = seen.filter(pc.is_in(seen["photo_id"], value_set=chosen))
    faces = faces.filter(pc.is_in(faces["photo_id"], value_set=chosen))
    photos = np.unique(np.asarray(selection["owner_id"]), return_counts=True)[1]
    return {
        "users": users.num_rows,
        "reasons": count_values(last["reason"]),
        "photos_selected": selection.num_rows,
        "photo_reasons": count_values(seen["reason"]),
        "states": count_values(members["state"]),
        "clusters": clusters.num_rows,
        "users_with_cluster": len(pc.unique(clusters["user_id"])),
        "cluster_faces": histogram(np.asarray(clusters["faces"])),
        "user_photos": histogram(np.append(photos, np.zeros(users.num_rows - len(photos), np.int64))),
        **_decisions(last, scores[-1]),
        "norms": tally_norms(faces),
        "repeated": count_repeated(faces, seen, members),
        "rounds": [_round(table) for table in profiles],
        "groups": count_groups(label_groups(users, people, selection), last, clusters),
        "change": None if before is None else compare(last, before),
    }


def _decisions(profiles: pa.Table, scores: pa.Table) -> dict[str, Any]:
    resolved = pc.equal(profiles["reason"], "ok")
    led = profiles.filter(resolved)
    weight = numbers(scores["weight"])
    return {
        "unweighed": scores.num_rows - int(np.count_nonzero(np.isfinite(weight))),
        "profile_faces": histogram(np.asarray(led["faces"].fill_null(0))),
        "margins": spread_histogram(numbers(led["margin"]), MARGIN_EDGES),
        "missed_margins": spread_histogram(numbers(profiles.filter(pc.invert(resolved))["margin"]), MARGIN_EDGES),
        "leader_weights": spread_histogram(numbers(led["weight"]), WEIGHT_EDGES),
        "weights": spread_histogram(weight, WEIGHT_EDGES),
        "second_profiles": led.num_rows - led["second_profile"].null_count,
    }


def _check_users(users: pa.Table, profiles: pa.Table) -> None:
    expected, found = np.sort(np.asarray(users["user_id"])), np.sort(np.asarray(profiles["user_id"]))
    if not np.array_equal(expected, found):
        missing, extra = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
        raise LakeError(
            f"audit: profiles hold {len(found)} rows for {len(expected)} users ({len(missing)} missing, "
            f"{len(extra)} unknown, {len(found) - len(np.unique(found))} repeated); run `kith build` again"
        )
    if profiles["reason"].null_count:
        raise LakeError(f"audit: {profiles['reason'].null_count} users have no reason; run `kith build` again")


def _round(profiles: pa.Table) -> dict[str, int]:
    return {
        "users": profiles.num_rows,
        "profiles": pc.sum(pc.equal(profiles["reason"], "ok")).as_py() or 0,
        "moved": pc.sum(profiles["moved"]).as_py() or 0,
        "margins_fell": pc.sum(profiles["margin_fell"]).as_py() or 0,
    }
