"""Stage 4: the faces of every album become clusters, each with its centroid and what speaks for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling import tables
from profiling.albums import Albums, integers, lay_out, stand_ins
from profiling.before_birth import taken_before_birth
from profiling.embedding.calibration import Calibration
from profiling.evidence import base_evidence
from profiling.exact import cosine_rows
from profiling.grouping import AlbumFaces, centroids, group_faces
from profiling.people_count import count_people
from profiling.settings import ClusteringSettings
from profiling.sightings import Sightings
from profiling.vectors import pack_vectors

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Why a face counts for a cluster or for none, a closed list: "member" of a cluster; "noise", seen once; on a photo
# "before_birth" of the owner; on a "viral" photo (viral.py); on a "duplicate" of another photo (duplicates.py);
# a "nonface"; "low_score" of the detector. The later of several reasons is told.
STATES = np.array(["member", "noise", "before_birth", "viral", "duplicate", "nonface", "low_score"], object)
MEMBER, NOISE, BEFORE_BIRTH, VIRAL, DUPLICATE, NONFACE, LOW_SCORE = range(7)


def cluster_bucket(
    users: pa.Table,
    photos: pa.Table,
    tags: pa.Table,
    selection: pa.Table,
    seen: pa.Table,
    faces: pa.Table,
    people: pa.Table,
    calibration: Calibration,
    settings: ClusteringSettings,
    viral: pa.Table | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Cluster the albums of a bucket.

    Parameters
    ----------
    users, photos, tags, selection, seen, faces, people : tables of the bucket, as `tables` spells them; rows of photos
        that are not selected are ignored, the order of rows does not matter.
    calibration : of the network that made `faces`: eps, non-faces.
    viral : table `viral` of the bucket; None = no photo is.

    Returns
    -------
    clusters : `tables.clusters_schema`, by user_id, cluster; cluster 0 stands on the most photos (ties: most faces,
        then the smallest photo_id and face).
    members : `tables.MEMBERS`, every face of the selected photos of users with consent. A face of a near-duplicate
        photo has the state "duplicate", that of a viral photo "viral", that of a photo older than the owner
        "before_birth", and the cluster that it fell into, or -1. None of these helps a cluster to exist, nor counts
        for it.
    """
    albums = lay_out(users, photos.sort_by("photo_id"), selection, faces)
    cut = calibration.nonface_cut if settings.nonface_cut is None else settings.nonface_cut
    state = _first_states(albums, cut, settings.min_score)
    kept = state == NOISE
    scale = float(calibration.eps_for(np.ones(1))[0]) if settings.eps is None else settings.eps
    stands = stand_ins(albums, seen, kept, settings.duplicate_bits, scale)
    copies = stands[albums.face_photo] != albums.face_photo
    known = np.zeros(0, np.int64) if viral is None else integers(viral["photo_id"])
    spread = np.isin(albums.photo_id, known)[albums.face_photo]
    early = taken_before_birth(albums, people)[albums.face_photo]
    label = np.full(len(state), tables.NO_CLUSTER, np.int64)
    label[kept] = _group(albums, kept, copies | spread | early, calibration, settings)
    state[kept & (label >= 0)] = MEMBER
    state[kept & early] = BEFORE_BIRTH
    state[kept & copies] = DUPLICATE
    state[kept & spread] = VIRAL
    order = _rank(albums, label, state)
    label[label >= 0] = np.argsort(order)[label[label >= 0]]
    sightings = Sightings.of(albums, label, state == MEMBER, kept)
    return _clusters(albums, sightings, tags, people), _members(albums, sightings, state)


def _first_states(albums: Albums, cut: float, min_score: float) -> Ints:
    state = np.full(len(albums.face_user), NOISE)
    state[(albums.nonface_distance < cut) | ~albums.vectors.any(axis=1)] = NONFACE
    state[~(albums.score >= min_score)] = LOW_SCORE
    return state


def _group(albums: Albums, kept: Flags, copies: Flags, calibration: Calibration, settings: ClusteringSettings) -> Ints:
    rows = np.flatnonzero(kept)
    vectors, weight = albums.vectors[rows], np.where(copies[rows], 0, 1)
    bounds = np.searchsorted(albums.face_user[rows], np.arange(len(albums.user_id) + 1))
    if settings.eps is None:  # more people leave more chances to take two for one
        strictest = float(calibration.eps_for(np.array([np.inf]))[0])
        eps = calibration.eps_for(count_people(vectors, bounds, weight, strictest))
    else:
        eps = np.full(len(albums.user_id), settings.eps, np.float32)
    return group_faces(AlbumFaces(vectors, bounds, albums.face_photo[rows], weight, eps), settings.min_samples)


def _rank(albums: Albums, label: Ints, state: Ints) -> Ints:
    """Old labels in the order of users and, within a user, of size; ties by the first face."""
    count = int(label.max(initial=-1)) + 1
    rows = np.flatnonzero(state == MEMBER)
    size = np.bincount(label[rows], minlength=count)
    pairs = np.unique(np.stack([label[rows], albums.face_photo[rows]]), axis=1)
    photos = np.bincount(pairs[0], minlength=count)
    first = np.full(count, len(label))
    np.minimum.at(first, label[rows], rows)
    user = albums.face_user[np.minimum(first, len(label) - 1)] if count else first
    return np.lexsort((first, -size, -photos, user))


def _clusters(albums: Albums, sightings: Sightings, tags: pa.Table, people: pa.Table) -> pa.Table:
    dim = albums.vectors.shape[1]
    user = sightings.cluster_user
    middle = centroids(albums.vectors, sightings.label, sightings.member.astype(np.int64))
    columns = {
        "user_id": albums.user_id[user],
        "row": albums.user_row[user].astype(np.int32),
        "cluster": sightings.number.astype(np.int16),
        "faces": sightings.faces.astype(np.int32),
        "photos": sightings.photos.astype(np.int32),
        "spread": _spread(albums, sightings, middle),
        "centroid": pack_vectors(middle),
        **base_evidence(sightings, tags, people),
    }
    schema = tables.clusters_schema(dim)
    return pa.table([pa.array(columns[name]) for name in schema.names], schema=schema)


def _spread(albums: Albums, sightings: Sightings, middle: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    rows = np.flatnonzero(sightings.member)
    distance = 1.0 - cosine_rows(albums.vectors[rows], middle[sightings.label[rows]])
    return sightings.mean(distance).astype(np.float32)


def _members(albums: Albums, sightings: Sightings, state: Ints) -> pa.Table:
    label = sightings.label
    numbered = np.full(len(label), tables.NO_CLUSTER, np.int64)
    numbered[label >= 0] = sightings.number[label[label >= 0]]
    columns = [
        albums.user_id[albums.face_user],
        albums.photo_id[albums.face_photo],
        albums.face_number.astype(np.int16),
        numbered.astype(np.int16),
        STATES[state],
    ]
    return pa.table([pa.array(column) for column in columns], schema=tables.MEMBERS)
