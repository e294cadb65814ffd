"""Look a generation over before anybody may publish it: nobody missing, nothing degenerate, no hubs, gates passed.

A bucket is audited alone (`audit_bucket`) into a small summary that JSON can hold; `combine` adds the summaries up,
and the result is the same however the users are divided into buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.errors import LakeError
from profiling.hubs import Hubs, find_hubs
from profiling.settings import AuditSettings
from profiling.tables import unpack_vectors
from profiling.tallies import (
    BINS,
    add_counts,
    add_lists,
    bin_names,
    count_values,
    histogram,
    norm_summary,
    tally_norms,
)

READ_WELL = ("ok", "no_face")  # reasons of `seen` that are no failure to read a photo

BucketAudit = dict[str, Any]


def audit_bucket(
    users: pa.Table,
    profiles: Sequence[pa.Table],
    clusters: pa.Table,
    members: pa.Table,
    selection: pa.Table,
    seen: pa.Table,
    faces: pa.Table,
    scores: Sequence[pa.Table],
) -> BucketAudit:
    """Sum up one bucket.

    Parameters
    ----------
    users, clusters, members, selection, seen, faces : tables of the bucket, of any dimension. Rows of `seen` and
        `faces` of photos that are not selected count nothing.
    profiles, scores : one table a round, round 0 first.

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
    resolved = last.filter(pc.equal(last["reason"], "ok"))
    return {
        "users": users.num_rows,
        "reasons": count_values(last["reason"]),
        "photos_selected": selection.num_rows,
        "photo_reasons": count_values(seen["reason"]),
        "states": count_values(members["state"]),
        "clusters": clusters.num_rows,
        "unweighed": clusters.num_rows - _weighed(scores[-1]),
        "users_with_cluster": len(pc.unique(clusters["user_id"])),
        "cluster_faces": histogram(np.asarray(clusters["faces"])),
        "profile_faces": histogram(np.asarray(resolved["faces"].fill_null(0))),
        "second_profiles": resolved.num_rows - resolved["second_profile"].null_count,
        "norms": tally_norms(faces),
        "rounds": [_round(table) for table in profiles],
    }


def combine(parts: Sequence[BucketAudit], hubs: Hubs, settings: AuditSettings) -> dict[str, Any]:
    """The audit of a generation from the summaries of its buckets, in any order.

    Returns
    -------
    A dict that JSON can hold: users, profiles, users_by_reason, photos (selected, looked_at, unaccounted, by_reason),
    faces (detected, by_state, norms), clusters (number, users, sizes), profile_faces, rounds (moved, profiles), hubs,
    gates (name, meaning, limit, value, passed) and passed, whether all gates did.
    """
    reasons = add_counts(part["reasons"] for part in parts)
    users = sum(part["users"] for part in parts)
    if sum(reasons.values()) != users:
        raise LakeError(f"audit: {sum(reasons.values())} reasons for {users} users; run `kith build` again")
    photos = add_counts(part["photo_reasons"] for part in parts)
    selected, looked_at = sum(part["photos_selected"] for part in parts), sum(photos.values())
    audit: dict[str, Any] = {
        "users": users,
        "profiles": reasons.get("ok", 0),
        "second_profiles": sum(part["second_profiles"] for part in parts),
        "users_by_reason": reasons,
        "photos": {
            "selected": selected,
            "looked_at": looked_at,
            "unaccounted": selected - looked_at,
            "by_reason": photos,
        },
        "faces": {
            "by_state": add_counts(part["states"] for part in parts),
            "norms": norm_summary(add_counts(part["norms"] for part in parts)),
        },
        "clusters": {
            "number": sum(part["clusters"] for part in parts),
            "users": sum(part["users_with_cluster"] for part in parts),
            "unweighed": sum(part["unweighed"] for part in parts),
            "sizes": _histogram(part["cluster_faces"] for part in parts),
        },
        "profile_faces": _histogram(part["profile_faces"] for part in parts),
        "rounds": _rounds([part["rounds"] for part in parts]),
        "hubs": hubs.to_json(),
    }
    audit["gates"] = _gates(audit, settings)
    audit["passed"] = all(gate["passed"] for gate in audit["gates"])
    return audit


def audit_generation(
    users: pa.Table,
    profiles: Sequence[pa.Table],
    clusters: pa.Table,
    members: pa.Table,
    selection: pa.Table,
    seen: pa.Table,
    faces: pa.Table,
    scores: Sequence[pa.Table],
    settings: AuditSettings,
) -> dict[str, Any]:
    """Audit a generation whose tables are at hand as a whole; see `audit_bucket` and `combine`."""
    part = audit_bucket(users, profiles, clusters, members, selection, seen, faces, scores)
    return combine([part], hubs_of(profiles[-1], settings), settings)


def hubs_of(profiles: pa.Table, settings: AuditSettings) -> Hubs:
    """Find hubs among the profiles, second ones too, of table `profiles` of the whole population."""
    owners, vectors = [], []
    for name in ("profile", "second_profile"):
        there = np.asarray(pc.and_(pc.equal(profiles["reason"], "ok"), profiles[name].is_valid()).fill_null(False))
        owners.append(np.asarray(profiles["user_id"])[there])
        vectors.append(unpack_vectors(profiles[name])[there])
    return find_hubs(np.concatenate(vectors), np.concatenate(owners), settings.hub_cosine, settings.hub_users)


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


def _weighed(scores: pa.Table) -> int:
    return int(np.count_nonzero(np.isfinite(np.asarray(scores["weight"].cast(pa.float64()).fill_null(np.nan)))))


def _round(profiles: pa.Table) -> dict[str, int]:
    return {
        "users": profiles.num_rows,
        "profiles": pc.sum(pc.equal(profiles["reason"], "ok")).as_py() or 0,
        "moved": pc.sum(profiles["moved"]).as_py() or 0,
    }


def _rounds(parts: Sequence[list[dict[str, int]]]) -> list[dict[str, int]]:
    """Add the buckets' rounds up; they all ran the same number."""
    if len({len(part) for part in parts}) > 1:
        raise LakeError("audit: buckets hold different numbers of rounds; run `kith build` again")
    return [{"round": number, **add_counts(rounds)} for number, rounds in enumerate(zip(*parts, strict=True))]


def _histogram(parts: Any) -> dict[str, int]:
    return dict(zip(bin_names(), add_lists(parts, len(BINS)), strict=True))


def _gates(audit: dict[str, Any], settings: AuditSettings) -> list[dict[str, Any]]:
    photos, hubs = audit["photos"], audit["hubs"]
    failed = sum(count for reason, count in photos["by_reason"].items() if reason not in READ_WELL)
    return [
        _at_least(
            "coverage",
            "users with a profile, of those with a cluster",
            settings.min_coverage,
            _ratio(audit["profiles"], audit["clusters"]["users"]),
        ),
        _at_most(
            "failed_photos",
            "photos that could not be read, of those selected",
            settings.max_failed_photos,
            _ratio(failed, photos["selected"]),
        ),
        _at_most(
            "hubs",
            f"users whose profile is near {settings.hub_users} other users' or more, of users with a profile",
            settings.max_hub_share,
            _ratio(hubs["hubs"], hubs["probed"]),
        ),
        _at_most(
            "degenerate",
            "faces whose vector is NaN, zero or not of unit length",
            0,
            audit["faces"]["norms"]["degenerate"],
        ),
        _at_most(
            "unaccounted", "selected photos without a row that says what became of them", 0, photos["unaccounted"]
        ),
        _at_most("unweighed", "clusters without a finite weight in the last round", 0, audit["clusters"]["unweighed"]),
    ]


def _ratio(count: int, of: int) -> float | None:
    return count / of if of else None


def _at_least(name: str, meaning: str, limit: float, value: float | None) -> dict[str, Any]:
    return _gate(name, meaning, "at least", limit, value, value is None or value >= limit)


def _at_most(name: str, meaning: str, limit: float, value: float | None) -> dict[str, Any]:
    return _gate(name, meaning, "at most", limit, value, value is None or value <= limit)


def _gate(name: str, meaning: str, rule: str, limit: float, value: float | None, passed: bool) -> dict[str, Any]:
    return {"name": name, "meaning": meaning, "rule": rule, "limit": limit, "value": value, "passed": passed}
