"""One round over a bucket: weigh every cluster, with the friends' profiles of the last round, and choose leaders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling import tables
from profiling.albums import Flags, Floats, Ints, find, flags, integers, numbers
from profiling.claims import Claims
from profiling.exact import cosine_rows
from profiling.friend_evidence import FriendEvidence, friend_evidence
from profiling.joint_accounts import second_leaders
from profiling.leaders import Leaders, choose_leaders
from profiling.reasons import reasons_without_clusters
from profiling.round_inputs import DIGEST_BYTES, RoundInputs, find_copies, profile_digests, rules_digest
from profiling.scorer import Scorer
from profiling.settings import ScoringSettings
from profiling.vectors import pack_vectors, unpack_vectors

BY_CLUSTER = [("user_id", "ascending"), ("cluster", "ascending")]


@dataclass(frozen=True)
class _Users:
    """Some users of a bucket, with what scoring them needs; `owner` int64 [clusters] is the place of the user."""

    users: pa.Table
    clusters: pa.Table
    owner: Ints
    reasons: npt.NDArray[np.object_]
    indptr: Ints
    friend_rows: npt.NDArray[np.int32]
    last: pa.Table | None

    def take(self, places: Ints) -> _Users:
        """The users at these places, ascending."""
        mine = np.isin(self.owner, places)
        lists = [self.friend_rows[self.indptr[u] : self.indptr[u + 1]] for u in places]
        return _Users(
            self.users.take(pa.array(places)),
            self.clusters.filter(pa.array(mine)),
            np.searchsorted(places, self.owner[mine]),
            self.reasons[places],
            np.cumsum([0, *map(len, lists)]),
            np.concatenate([*lists, np.zeros(0, np.int32)]).astype(np.int32),
            None if self.last is None else self.last.take(pa.array(places)),
        )

    def digests(self, friend_digests: npt.NDArray[np.uint64] | None, rules: bytes) -> list[bytes]:
        """The digest of what each user's result depends on."""
        inputs = RoundInputs(
            owner=self.owner,
            number=integers(self.clusters["cluster"]),
            faces=integers(self.clusters["faces"]),
            photos=integers(self.clusters["photos"]),
            centroids=unpack_vectors(self.clusters["centroid"]),
            evidence=base_matrix(self.clusters),
            reasons=self.reasons,
            indptr=self.indptr,
            friend_rows=self.friend_rows,
            friend_digests=friend_digests,
            last=self.last,
        )
        return inputs.digests(rules)


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
    friend_digests: npt.NDArray[np.uint64] | None = None,
    earlier: Sequence[tuple[pa.Table, pa.Table]] = (),
    logic: int = 0,
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
    friend_digests : uint64 [population], `profile_digests` of `profiles`; None = made here.
    earlier : pairs of tables ``scores``, ``profiles`` of other rounds or generations. A user whose `input_digest` is
        the same in one of them is copied from there; not a bit depends on what is given.
    logic : the version of the code, part of every digest.

    Returns
    -------
    scores : `tables.SCORES`, one row a cluster, sorted by user_id, cluster.
    profiles : `tables.profiles_schema`, exactly one row a user, in row order. `moved`: a user whose leader or second
        leader is another than in the last round (in round 0: who has a profile), or whose profile's cosine to the last
        one is below `settings.moved_cosine`. `margin_fell`: a user who had a profile in the last round and now has a
        smaller margin, or none.
    """
    clusters, owner = _allowed(users, clusters)
    reasons = reasons_without_clusters(users, members, selection, seen)
    bucket = _Users(users, clusters, owner, reasons, indptr, friend_rows, last)
    asked = scorer.asked(round_number, settings.margin)
    if friend_digests is None and profiles is not None:
        friend_digests = profile_digests(profiles)
    rules = rules_digest(scorer.of_round(round_number), asked, eps, logic)
    digests = bucket.digests(friend_digests, rules)
    copies = find_copies(integers(users["user_id"]), digests, earlier)
    if copies is None:
        scores, made = _score(bucket, round_number, profiles, scorer, asked, eps)
    else:
        fresh = _score(bucket.take(np.flatnonzero(~copies.known)), round_number, profiles, scorer, asked, eps)
        scores = pa.concat_tables([fresh[0], copies.scores]).sort_by(BY_CLUSTER)
        made = _replace(pa.concat_tables([fresh[1], copies.profiles]).sort_by("user_id"), "row", users["row"])
    return scores, _compared(_replace(made, "input_digest", pa.array(digests, pa.binary(DIGEST_BYTES))), last, settings)


def _compared(made: pa.Table, last: pa.Table | None, settings: ScoringSettings) -> pa.Table:
    made = _replace(made, "moved", pa.array(have_moved(made, last, settings.moved_cosine)))
    return _replace(made, "margin_fell", pa.array(have_fallen(made, last)))


def _score(
    bucket: _Users,
    round_number: int,
    profiles: npt.NDArray[np.float16] | None,
    scorer: Scorer,
    asked: float,
    eps: float,
) -> tuple[pa.Table, pa.Table]:
    owner, clusters = bucket.owner, bucket.clusters
    centroids = unpack_vectors(clusters["centroid"])
    friends = FriendEvidence.unknown(len(owner))
    if round_number > 0 and profiles is not None:
        first = profiles[:, :1]  # a second leader is a friend's face more often than not, and claims nothing
        friends = friend_evidence(owner, centroids, bucket.indptr, bucket.friend_rows, first, eps)
    weight = scorer.weigh(evidence_matrix(clusters, friends), round_number)
    distance = friends.friend_distance.astype(np.float64)
    claims = Claims.of(owner, integers(clusters["cluster"]), bucket.users, bucket.last)
    leaders = choose_leaders(owner, weight, distance, len(bucket.users), asked, claims.barred(weight, asked))
    without = leaders.best < 0
    leaders.reason[without] = bucket.reasons[without]
    leaders = replace(leaders, second=np.where(leaders.second < 0, _partners(bucket, leaders), leaders.second))
    made = _profiles(bucket.users, clusters, centroids, leaders, claims.after(leaders, distance))
    return _scores(clusters, weight, friends), made


def _partners(bucket: _Users, leaders: Leaders) -> Ints:
    clusters = bucket.clusters
    solo, avatar = numbers(clusters["solo"]), numbers(clusters["avatar"])
    return second_leaders(bucket.owner, leaders.leader, integers(clusters["photos"]), solo, avatar)


def evidence_matrix(clusters: pa.Table, friends: FriendEvidence) -> Floats:
    """All columns of `tables.EVIDENCE`, float64 [clusters, evidence], NaN = not known."""
    from_friends = [getattr(friends, name).astype(np.float64) for name in tables.FRIEND_EVIDENCE]
    return np.column_stack([base_matrix(clusters), *from_friends])


def base_matrix(clusters: pa.Table) -> Floats:
    """The columns of `tables.BASE_EVIDENCE`, float64 [clusters, columns]; NaN where `clusters` lacks a column.

    The columns of table ``co_occurrence`` are among them: join them with `co_occurrence.add_across` first.
    """
    unknown = np.full(len(clusters), np.nan)
    there = set(clusters.column_names)
    return np.column_stack([numbers(clusters[n]) if n in there else unknown for n in tables.BASE_EVIDENCE])


def have_moved(made: pa.Table, last: pa.Table | None, cosine: float) -> Flags:
    """Which users' profiles differ from the last round's, bool [users]; see `score_round`."""
    if last is None:
        return np.asarray(pc.equal(made["reason"], "ok"), np.bool_)
    moved = np.zeros(len(made), np.bool_)
    for column in ("leader", "second"):
        moved |= integers(made[column]) != integers(last[column])
    for column in ("profile", "second_profile"):
        ours, theirs = unpack_vectors(made[column]), unpack_vectors(last[column])
        both = ours.any(axis=1) & theirs.any(axis=1)
        moved |= both & (cosine_rows(ours, theirs) < cosine)
    return moved


def have_fallen(made: pa.Table, last: pa.Table | None) -> Flags:
    """Whose profile of the last round is gone or has a smaller margin now, bool [users]."""
    if last is None:
        return np.zeros(len(made), np.bool_)
    now, before = (flags(pc.equal(each["reason"], "ok")) for each in (made, last))
    return before & (~now | (numbers(made["margin"]) < numbers(last["margin"])))


def _replace(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(place), values)


def _allowed(users: pa.Table, clusters: pa.Table) -> tuple[pa.Table, Ints]:
    """The clusters of users with consent, sorted by user and number, and each one's place of the user."""
    clusters = clusters.sort_by(BY_CLUSTER)
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
        "best": pa.array(number[leaders.best]),
        "weight": pa.array(leaders.weight.astype(np.float32)),
        "margin": pa.array(leaders.margin.astype(np.float32)),
        "faces": pa.array(faces[leaders.leader]),
        "moved": pa.nulls(len(users), pa.bool_()),
        "margin_fell": pa.nulls(len(users), pa.bool_()),
        "input_digest": pa.nulls(len(users), pa.binary(DIGEST_BYTES)),
        "lost": pa.array(claims.lost.astype(np.int16)),
        "losses": pa.array(claims.losses.astype(np.int16)),
        "profile": _vectors(centroids, leaders.leader),
        "second_profile": _vectors(centroids, leaders.second),
    }
    schema = tables.profiles_schema(centroids.shape[1])
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _vectors(centroids: npt.NDArray[np.float16], place: Ints) -> pa.Array:
    padded = np.concatenate([centroids, np.zeros((1, centroids.shape[1]), np.float16)])
    return pack_vectors(padded[place], place >= 0)
