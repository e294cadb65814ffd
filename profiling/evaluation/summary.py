"""One generation against the truth: every metric with its count and, where it is a share, its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.errors import PopulationError
from profiling.evaluation.albums import album_shares, read_albums, read_round, round_shares
from profiling.evaluation.candidates import Network
from profiling.evaluation.intervals import share
from profiling.evaluation.labels import label_clusters
from profiling.evaluation.matching import match_faces
from profiling.evaluation.truth import Truth
from profiling.evaluation.uploads import Recognition, judge, recognise


@dataclass(frozen=True)
class Generation:
    """Lake tables of one generation, buckets concatenated in order; vectors may have any dimension.

    `photos` needs photo_id, owner_id only; `scores` and `profiles` hold one table a round, round 0 first;
    `upload_faces` is table `faces` of the truth's uploads with upload_id as photo_id, None when none were embedded.
    """

    users: pa.Table
    photos: pa.Table
    friends: pa.Table
    seen: pa.Table
    faces: pa.Table
    members: pa.Table
    clusters: pa.Table
    scores: Sequence[pa.Table]
    profiles: Sequence[pa.Table]
    upload_faces: pa.Table | None = None


@dataclass(frozen=True)
class Assessment:
    """What `evaluate` returns, and what it takes to judge the uploads of several generations by one threshold."""

    metrics: dict[str, Any]
    recognition: Recognition


def evaluate(generation: Generation, truth: Truth, split: str = "all") -> dict[str, Any]:
    """The metrics of `assess`: a dict that JSON can hold."""
    return assess(generation, truth, split).metrics


def assess(generation: Generation, truth: Truth, split: str = "all") -> Assessment:
    """Judge a generation; docs/decisions/0008-evaluation.md defines every metric.

    Parameters
    ----------
    split : "train", "test" or "all"; chooses users by the truth, uploads by their uploader.

    Returns
    -------
    Metrics as a dict that JSON can hold, and who is nearest to each face of the uploads. Shares are {"value", "count",
    "of", "interval"}; `value` is None when `of` is 0.

    Raises
    ------
    PopulationError
        When the lake holds none of the truth's users, or the split holds nobody.
    """
    part = _known_part(truth.of_split(split), generation)
    photos = _photos_of(generation.photos, part.users)
    faces = generation.faces.select(["photo_id", "face", "x", "y", "w", "h"])
    faces = faces.filter(pc.is_in(faces["photo_id"], value_set=photos["photo_id"].combine_chunks()))
    matches = match_faces(faces, generation.seen, part.faces)
    labels = label_clusters(generation.members, matches, part.users)
    albums = read_albums(part.users, part.faces, photos, generation.clusters, labels)
    rounds = [
        read_round(albums, scores, profiles, labels)
        for scores, profiles in zip(generation.scores, generation.profiles, strict=True)
    ]
    everyone = np.ones(len(albums.users), np.bool_)
    kinds = np.asarray(part.users["kind"].fill_null("unknown"))
    recognition = _recognition(generation, part, truth)
    metrics = {
        "split": split,
        **album_shares(albums, rounds[-1], everyone),
        "users_with_profile": int(np.count_nonzero(rounds[-1].resolved)),
        "face_recall": _face_recall(matches, generation.seen, photos, part.faces),
        "cluster_purity": _purity(labels),
        "unmatched_faces": matches["person_id"].null_count,
        "rounds": [
            {"round": number, **round_shares(albums, made, everyone), "moved": _moved(profiles)}
            for number, (made, profiles) in enumerate(zip(rounds, generation.profiles, strict=True))
        ],
        "by_kind": {str(kind): album_shares(albums, rounds[-1], kinds == kind) for kind in np.unique(kinds)},
        **judge([recognition]),
    }
    return Assessment(metrics, recognition)


def _known_part(part: Truth, generation: Generation) -> Truth:
    known = pc.is_in(part.users["user_id"], value_set=pc.unique(generation.users["user_id"]))
    part = Truth(part.users.filter(known), part.faces, part.uploads)
    if part.users.num_rows == 0:
        raise PopulationError(
            "truth/users.parquet: the lake holds none of these users; name the truth of its population"
        )
    return part


def _photos_of(photos: pa.Table, truth_users: pa.Table) -> pa.Table:
    photos = photos.select(["photo_id", "owner_id"])
    return photos.filter(pc.is_in(photos["owner_id"], value_set=truth_users["user_id"].combine_chunks()))


def _face_recall(matches: pa.Table, seen: pa.Table, photos: pa.Table, truth_faces: pa.Table) -> dict[str, Any]:
    """True faces that a detection covers, of those on the users' photos that were looked at, unreadable ones too."""
    looked_at = pc.and_(
        pc.is_in(truth_faces["photo_id"], value_set=pc.unique(seen["photo_id"])),
        pc.is_in(truth_faces["photo_id"], value_set=photos["photo_id"].combine_chunks()),
    )
    found = matches.num_rows - matches["person_id"].null_count
    return share(found, pc.sum(looked_at).as_py() or 0)


def _purity(labels: pa.Table) -> dict[str, Any]:
    """Matched members that are of their cluster's commonest person, of all; and the mean over clusters."""
    matched = np.asarray(labels["matched"]).astype(np.int64)
    purity = np.asarray(labels["purity"].cast(pa.float64()).fill_null(0.0))
    counted = matched > 0
    pure = np.rint(purity * matched).astype(np.int64)
    mean = float(purity[counted].mean()) if counted.any() else None
    return {**share(int(pure.sum()), int(matched.sum())), "clusters": int(counted.sum()), "mean_of_clusters": mean}


def _moved(profiles: pa.Table) -> dict[str, Any]:
    """Users whose profile this round changed, of the whole population whatever the split."""
    return share(pc.sum(profiles["moved"]).as_py() or 0, profiles.num_rows)


def _recognition(generation: Generation, part: Truth, truth: Truth) -> Recognition:
    upload_faces, uploads = generation.upload_faces, truth.uploads
    if upload_faces is None:
        upload_faces, uploads = generation.faces.slice(0, 0), truth.uploads.slice(0, 0)
    asked = np.isin(np.asarray(uploads["upload_id"]), np.asarray(part.uploads["upload_id"]))
    network = Network(generation.users, generation.friends, generation.profiles[-1])
    return recognise(uploads, upload_faces, truth.users.select(["user_id", "person_ids"]), network, asked)
