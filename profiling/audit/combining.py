"""The audit of a whole generation from the summaries of its buckets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.audit.bucket import BucketAudit
from profiling.audit.change import Change, summarise
from profiling.audit.gates import check_gates
from profiling.audit.groups import add_groups
from profiling.errors import LakeError
from profiling.hubs import Hubs, find_hubs
from profiling.settings import AuditSettings
from profiling.tallies import (
    BINS,
    MARGIN_EDGES,
    WEIGHT_EDGES,
    add_counts,
    add_lists,
    bin_names,
    edge_names,
    norm_summary,
)
from profiling.vectors import unpack_vectors


def combine(
    parts: Sequence[BucketAudit], hubs: Hubs, settings: AuditSettings, since: Change | None = None
) -> dict[str, Any]:
    """The audit of a generation from the summaries of its buckets, in any order.

    Parameters
    ----------
    since : the generation with which every bucket was compared; None = there was none.

    Returns
    -------
    A dict that JSON can hold: users, profiles, second_profiles, users_by_reason, photos (selected, looked_at,
    unaccounted, by_reason, by_user), faces (by_state, norms, repeated), clusters (number, users, unweighed, sizes),
    profile_faces, margins (profiles, unresolved), weights (leaders, all), rounds (moved, profiles, margins_fell),
    groups (by grouping: name, users, with_cluster, profiles, coverage, reasons), change (None or counts and shares),
    hubs, gates (see `gates.check_gates`) and passed, whether all gates did.
    """
    reasons = add_counts(part["reasons"] for part in parts)
    users = sum(part["users"] for part in parts)
    if sum(reasons.values()) != users:
        raise LakeError(f"audit: {sum(reasons.values())} reasons for {users} users; run `kith build` again")
    audit: dict[str, Any] = {
        "users": users,
        "profiles": reasons.get("ok", 0),
        "second_profiles": sum(part["second_profiles"] for part in parts),
        "users_by_reason": reasons,
        "photos": _photos(parts),
        "faces": _faces(parts),
        "clusters": _clusters(parts),
        "profile_faces": _histogram(part["profile_faces"] for part in parts),
        "margins": {
            "profiles": _spread((part["margins"] for part in parts), MARGIN_EDGES),
            "unresolved": _spread((part["missed_margins"] for part in parts), MARGIN_EDGES),
        },
        "weights": {
            "leaders": _spread((part["leader_weights"] for part in parts), WEIGHT_EDGES),
            "all": _spread((part["weights"] for part in parts), WEIGHT_EDGES),
        },
        "rounds": _rounds([part["rounds"] for part in parts]),
        "groups": add_groups(part["groups"] for part in parts),
        "change": None if since is None else summarise(add_counts(part["change"] for part in parts), since),
        "hubs": hubs.to_json(),
    }
    audit["gates"] = check_gates(audit, settings)
    audit["passed"] = all(gate["passed"] for gate in audit["gates"])
    return audit


def hubs_of(profiles: pa.Table, settings: AuditSettings) -> Hubs:
    """Find hubs among the profiles, second ones too, of table `profiles` of the whole population."""
    owners, vectors = [], []
    for name in ("profile", "second_profile"):
        there = np.asarray(pc.and_(pc.equal(profiles["reason"], "ok"), profiles[name].is_valid()).fill_null(False))
        owners.append(np.asarray(profiles["user_id"])[there])
        vectors.append(unpack_vectors(profiles[name])[there])
    return find_hubs(np.concatenate(vectors), np.concatenate(owners), settings.hub_cosine, settings.hub_users)


def _faces(parts: Sequence[BucketAudit]) -> dict[str, Any]:
    return {
        "by_state": add_counts(part["states"] for part in parts),
        "norms": norm_summary(add_counts(part["norms"] for part in parts)),
        "repeated": sum(part["repeated"] for part in parts),
    }


def _clusters(parts: Sequence[BucketAudit]) -> dict[str, Any]:
    return {
        "number": sum(part["clusters"] for part in parts),
        "users": sum(part["users_with_cluster"] for part in parts),
        "unweighed": sum(part["unweighed"] for part in parts),
        "sizes": _histogram(part["cluster_faces"] for part in parts),
    }


def _photos(parts: Sequence[BucketAudit]) -> dict[str, Any]:
    by_reason = add_counts(part["photo_reasons"] for part in parts)
    selected, looked_at = sum(part["photos_selected"] for part in parts), sum(by_reason.values())
    return {
        "selected": selected,
        "looked_at": looked_at,
        "unaccounted": selected - looked_at,
        "by_reason": by_reason,
        "by_user": _histogram(part["user_photos"] for part in parts),
    }


def _rounds(parts: Sequence[list[dict[str, int]]]) -> list[dict[str, int]]:
    """Add the buckets' rounds up; they all ran the same number."""
    if len({len(part) for part in parts}) > 1:
        raise LakeError("audit: buckets hold different numbers of rounds; run `kith build` again")
    return [{"round": number, **add_counts(rounds)} for number, rounds in enumerate(zip(*parts, strict=True))]


def _histogram(parts: Iterable[list[int]]) -> dict[str, int]:
    return dict(zip(bin_names(), add_lists(parts, len(BINS)), strict=True))


def _spread(parts: Iterable[list[int]], edges: Sequence[float]) -> dict[str, int]:
    return dict(zip(edge_names(edges), add_lists(parts, len(edges) + 1), strict=True))
