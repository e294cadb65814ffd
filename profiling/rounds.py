"""One round over a bucket: weigh every cluster, with the friends' profiles of the last round, and choose leaders."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling import tables
from profiling.albums import Flags, Floats, Ints, find, flags, integers, numbers
from profiling.claims import Claims
from profiling.exact import cosine_rows
from profiling.friend_evidence import FriendEvidence, friend_evidence
from profiling.leaders import Leaders, choose_leaders
from profiling.scorer import Scorer
from profiling.settings import ScoringSettings

READABLE = ("ok", "no_face")  # reasons in table `seen` of photos that could be looked at
CUT = ("nonface", "low_score")  # states in table `members` of what is hardly a face


def score_round(
    round_number: int,
    users: pa.Table,
    people: pa.Table,
    clusters: pa.Table,
    members: pa.Table,
    selection: pa.Table,
    seen: pa.Table,
    indptr: npt.NDArray[np.int64],
    friend_rows: npt.NDArray[np.int32],
    profiles: npt.NDArray[np.float16] | None,
    last: pa.Table | None,
    scorer: Scorer,
    eps: float,
    settings: ScoringSettings,
) -> tuple[pa.Table, pa.Table]:
    """Score a bucket.

    Parameters
    ----------
    round_number : from 0; round 0 knows no friends.
    users, people, clusters, members, selection, seen : tables of the bucket; `users` sorted by user_id. What `people`
        knows already stands in the evidence of `clusters`.
    indptr, friend_rows : friends of the i-th of `users` are ``friend_rows[indptr[i]:indptr[i + 1]]``, rows.
    profiles : float16 [population, 2, dim] of the last round, zeros = none; usually memory-mapped. None in round 0.
    last : this bucket's table ``profiles`` of the last round, None in round 0.
    eps : cosine distance that counts as one: the network's scale of distances.

    Returns
    -------
    scores : `tables.SCORES`, one row a cluster, sorted by user_id, cluster.
    profiles : `tables.profiles_schema`, exactly one row a user, in row order. `moved`: a user whose leader or second
        leader is another than in the last round (in round 0: who has a profile), or whose profile's cosine to the last
        one is below `settings.moved_cosine`.
    """
    clusters, owner = _allowed(users, clusters)
    centroids = tables.unpack_vectors(clusters["centroid"])
    friends = FriendEvidence.unknown(len(owner))
    if round_number > 0 and profiles is not None:
        friends = friend_evidence(owner, centroids, indptr, friend_rows, profiles, eps)
    weight = scorer.weigh(evidence_matrix(clusters, friends), round_number)
    asked = scorer.of_round(round_number).margin if settings.margin is None else settings.margin
    distance = friends.friend_distance.astype(np.float64)
    claims = Claims.of(owner, integers(clusters["cluster"]), users, last)
    leaders = choose_leaders(owner, weight, distance, len(users), asked, claims.barred(weight, asked))
    without = leaders.best < 0
    leaders.reason[without] = reasons_without_clusters(users, members, selection, seen)[without]
    made = _profiles(users, clusters, centroids, leaders, claims.after(leaders, distance))
    moved = pa.array(have_moved(made, last, settings.moved_cosine))
    return _scores(clusters, weight, friends), made.set_column(made.column_names.index("moved"), "moved", moved)


def evidence_matrix(clusters: pa.Table, friends: FriendEvidence) -> Floats:
    """All columns of `tables.EVIDENCE`, float64 [clusters, evidence], NaN = not known."""
    base = [numbers(clusters[name]) for name in tables.BASE_EVIDENCE]
    from_friends = [getattr(friends, name).astype(np.float64) for name in tables.FRIEND_EVIDENCE]
    return np.stack([*base, *from_friends], axis=1)


def reasons_without_clusters(
    users: pa.Table, members: pa.Table, selection: pa.Table, seen: pa.Table
) -> npt.NDArray[np.object_]:
    """Why each user, if without a cluster, has none: object [users], codes of `leaders.REASONS`.

    The first of: no consent; no photo; no photo that could be read; no detection; no detection that passed the cuts;
    no face seen often enough.
    """
    user_id = integers(users["user_id"])
    owner, photo = integers(selection["owner_id"]), integers(selection["photo_id"])
    readable = seen.filter(pc.is_in(seen["reason"], value_set=pa.array(READABLE)))
    read = np.isin(photo, integers(readable["photo_id"]))
    member_user = integers(members["user_id"])
    kept = ~np.asarray(pc.is_in(members["state"], value_set=pa.array(CUT)), np.bool_)
    steps = [
        ("no_consent", flags(users["consent"].fill_null(True))),
        ("no_photos", np.isin(user_id, owner)),
        ("decode_failures", np.isin(user_id, owner[read])),
        ("no_faces", np.isin(user_id, member_user)),
        ("nonfaces", np.isin(user_id, member_user[kept])),
    ]
    return np.asarray(np.select([~passed for _, passed in steps], [code for code, _ in steps], "no_cluster"), object)


def have_moved(made: pa.Table, last: pa.Table | None, cosine: float) -> Flags:
    """Which users' profiles differ from the last round's, bool [users]; see `score_round`."""
    if last is None:
        return np.asarray(pc.equal(made["reason"], "ok"), np.bool_)
    moved = np.zeros(len(made), np.bool_)
    for column in ("leader", "second"):
        moved |= integers(made[column]) != integers(last[column])
    for column in ("profile", "second_profile"):
        ours, theirs = tables.unpack_vectors(made[column]), tables.unpack_vectors(last[column])
        both = ours.any(axis=1) & theirs.any(axis=1)
        moved |= both & (cosine_rows(ours, theirs) < cosine)
    return moved


def _allowed(users: pa.Table, clusters: pa.Table) -> tuple[pa.Table, Ints]:
    """The clusters of users with consent, sorted by user and number, and each one's place of the user."""
    clusters = clusters.sort_by([("user_id", "ascending"), ("cluster", "ascending")])
    consent = flags(users["consent"].fill_null(True))
    owner, known = find(integers(clusters["user_id"]), integers(users["user_id"]))
    allowed = known & consent[owner] if len(consent) else known
    return clusters.filter(pa.array(allowed)), owner[allowed]


def _scores(clusters: pa.Table, weight: Floats, friends: FriendEvidence) -> pa.Table:
    columns = {
        "user_id": clusters["user_id"],
        "cluster": clusters["cluster"],
        "weight": pa.array(weight.astype(np.float32)),
        "nearest_friend_row": pa.array(friends.nearest.astype(np.int32)),
        **{name: pa.array(getattr(friends, name)) for name in tables.FRIEND_EVIDENCE},
    }
    return pa.table([columns[name] for name in tables.SCORES.names], schema=tables.SCORES)


def _profiles(
    users: pa.Table, clusters: pa.Table, centroids: npt.NDArray[np.float16], leaders: Leaders, claims: Claims
) -> pa.Table:
    number = np.append(integers(clusters["cluster"]), tables.NO_CLUSTER).astype(np.int16)
    faces = np.append(integers(clusters["faces"]), 0).astype(np.int32)
    columns = {
        "user_id": users["user_id"],
        "row": users["row"],
        "reason": pa.array(leaders.reason, pa.string()),
        "leader": pa.array(number[leaders.leader]),
        "second": pa.array(number[leaders.second]),
        "weight": pa.array(leaders.weight.astype(np.float32)),
        "margin": pa.array(leaders.margin.astype(np.float32)),
        "faces": pa.array(faces[leaders.leader]),
        "moved": pa.nulls(len(users), pa.bool_()),
        "lost": pa.array(claims.lost.astype(np.int16)),
        "losses": pa.array(claims.losses.astype(np.int16)),
        "profile": _vectors(centroids, leaders.leader),
        "second_profile": _vectors(centroids, leaders.second),
    }
    schema = tables.profiles_schema(centroids.shape[1])
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _vectors(centroids: npt.NDArray[np.float16], place: Ints) -> pa.Array:
    padded = np.concatenate([centroids, np.zeros((1, centroids.shape[1]), np.float16)])
    return tables.pack_vectors(padded[place], place >= 0)
