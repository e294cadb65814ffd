"""Which users and faces a report shows, and one user's story out of the lake's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.explaining import ClusterExplanation, Explanation
from profiling.report.charts import number
from profiling.report.data import CROP, MAX_FACES, ClusterStory, Unresolved, UserStory
from profiling.report.ordering import in_turn
from profiling.tables import NO_CLUSTER
from profiling.vectors import unpack_vectors

UNRESOLVED = 12  # users of one reason in the list: enough to see what they have in common
SHOWN_STATES = ("member", "noise")  # faces of other states were cut away before clustering
FACE_COLUMNS = ["photo_id", "face", "x", "y", "w", "h", "embedding"]


def choose_users(profiles: pa.Table, clusters: pa.Table, count: int = 8) -> list[int]:
    """Users worth looking at: the narrowest and the widest margins, accounts of two, and users without a leader.

    Parameters
    ----------
    profiles : table `profiles` of the last round. clusters : table `clusters`; users without any are never chosen.
    count : users at most; half of them with narrow margins or no leader, since that is where one learns.

    Returns
    -------
    user ids: resolved ones first, widest margin first. The order of rows does not matter.
    """
    profiles = profiles.filter(pc.is_in(profiles["user_id"], value_set=pc.unique(clusters["user_id"])))
    rows = sorted(zip(*(profiles[name].to_pylist() for name in ("user_id", "reason", "second", "margin")), strict=True))
    resolved = sorted((row for row in rows if row[1] == "ok"), key=lambda row: (-_finite(row[3]), row[0]))
    without = [row for row in rows if row[1] != "ok"]
    joint = [row for row in resolved if row[2] is not None and row[2] != NO_CLUSTER]
    quarter = max(1, count // 4)
    wanted = [*resolved[:quarter], *joint[:quarter], *without[:quarter], *reversed(resolved[-quarter:]), *resolved]
    chosen = list(dict.fromkeys(row[0] for row in wanted))[:count]
    place = {row[0]: number for number, row in enumerate([*resolved, *without])}
    return sorted(chosen, key=lambda user: place[user])


def choose_unresolved(profiles: pa.Table, limit: int = UNRESOLVED) -> list[int]:
    """Users without a profile, at most `limit` of each reason, those that came nearest to one first, then by id.

    Users who have not consented are not named.
    """
    rows = zip(*(profiles[name].to_pylist() for name in ("user_id", "reason", "margin", "weight")), strict=True)
    strength = [(reason, -_finite(min(_finite(m), _finite(w))), user) for user, reason, m, w in rows]
    chosen, taken = [], Counter[str]()
    for reason, _, user in sorted(strength):
        if reason not in ("ok", "no_consent") and taken[reason] < limit:
            chosen.append(user)
            taken[reason] += 1
    return chosen


def choose_faces(user_id: int, members: pa.Table, faces: pa.Table, limit: int = MAX_FACES) -> pa.Table:
    """The faces of a user that are shown: those of every cluster and of none in turn, until `limit`.

    Returns
    -------
    table sorted by cluster (none last), photo_id, face: photo_id, face, cluster, x, y, w, h, embedding. The photos to
    decode for `crop_faces` are those of its photo_id.
    """
    mine = pc.and_(pc.equal(members["user_id"], user_id), pc.is_in(members["state"], pa.array(SHOWN_STATES)))
    table = members.filter(mine).select(["photo_id", "face", "cluster"])
    table = table.join(faces.select(FACE_COLUMNS), ["photo_id", "face"], join_type="inner")
    table = table.sort_by([("photo_id", "ascending"), ("face", "ascending")]).combine_chunks()
    return table.take(in_turn(np.asarray(table["cluster"]), limit))


def tell_user(
    user_id: int,
    users: pa.Table,
    chosen: pa.Table,
    crops: npt.NDArray[np.uint8],
    explanation: Explanation,
    owners: Mapping[int, bool] | None = None,
    facts: Sequence[tuple[str, str]] = (),
) -> UserStory:
    """One user's story.

    Parameters
    ----------
    users : table of the user's bucket.
    chosen : of `choose_faces`. crops : uint8 [n, 72, 72, 3] of `chosen`, in its order.
    owners : by cluster, whether the truth gives it to the user; None = there is no truth. facts : short (label, text)
        pairs shown under the name, beside what `users` says.
    """
    row = _row(users, user_id)
    leaders = [one for one in (explanation.leader, explanation.second) if one != NO_CLUSTER]
    right = None if owners is None or not leaders else all(owners.get(one, False) for one in leaders)
    return UserStory(
        user_id=user_id,
        name=" ".join(part for part in (row.get("first_name"), row.get("last_name")) if part) or f"user {user_id}",
        reason=explanation.reason,
        leader=explanation.leader,
        second=explanation.second,
        verdict=explanation.verdict,
        clusters=[_tell_cluster(one, owners) for one in explanation.clusters],
        photo_ids=np.asarray(chosen["photo_id"]),
        faces=np.asarray(chosen["face"]),
        labels=np.asarray(chosen["cluster"]),
        crops=crops if len(crops) else np.zeros((0, CROP, CROP, 3), np.uint8),
        vectors=unpack_vectors(chosen["embedding"]).astype(np.float32),
        changes=[*(change.sentence for change in explanation.changes), *filter(None, [explanation.outlook])],
        intercept=explanation.intercept,
        facts=[*_stated(row), *facts],
        right=right,
    )


def tell_unresolved(explanation: Explanation) -> Unresolved:
    """A line on a user without a profile."""
    album = explanation.album
    faces = album.get("faces", {})
    photos = sum(album.get("photos", {}).values())
    found = "not looked at" if not album else f"{photos} photos, {sum(faces.values())} faces"
    sentences = [*(change.sentence for change in explanation.changes), explanation.outlook]
    return Unresolved(
        user_id=explanation.user_id,
        reason=explanation.reason,
        cluster=explanation.nearest,
        margin=float(np.fmin(explanation.margin, explanation.weight)),
        asked=explanation.asked,
        found=found,
        change=sentences[0],
    )


def _tell_cluster(one: ClusterExplanation, owners: Mapping[int, bool] | None) -> ClusterStory:
    notes = [f"may not lead: {one.barred}"] if one.barred else []
    if one.nearest_friend is not None:
        notes.append(f"nearest profile: friend {one.nearest_friend}, {number(one.friend_distance)} eps away")
    return ClusterStory(
        cluster=one.cluster,
        faces=one.faces,
        photos=one.photos,
        weight=one.weight,
        contributions=one.contributions,
        evidence=one.evidence,
        owner=None if owners is None else owners.get(one.cluster, False),
        notes=notes,
    )


def _finite(value: float | None) -> float:
    return value if value is not None and np.isfinite(value) else 0.0


def _stated(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = (("gender", "stated gender"), ("birth_year", "stated birth year"))
    return [(label, str(row[name])) for name, label in named if row.get(name) is not None]


def _rows(table: pa.Table, user_id: int) -> list[dict[str, Any]]:
    return list(table.filter(pc.equal(table["user_id"], user_id)).to_pylist())


def _row(table: pa.Table, user_id: int) -> dict[str, Any]:
    rows = _rows(table, user_id)
    if len(rows) != 1:
        raise ValueError(f"user {user_id} has {len(rows)} rows, not one")
    return rows[0]
