"""Who is on a new photo: true positives at a fixed share of false ones (OK.ru's TP@FP).

A face of an upload is *named* when its nearest candidate (uploader and friends with a profile) is nearer than a
threshold; the threshold is where strangers' faces, each tried against random candidate sets of real uploads, are
named in 0.1 % of the tries. `recognise` finds who is nearest to each face of one population, `judge` chooses the
threshold, over one population or several, and counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.evaluation.candidates import FAR, Candidates, Floats, Ints, Network
from profiling.evaluation.intervals import share
from profiling.evaluation.matching import match_faces
from profiling.hashing import splitmix64
from profiling.vectors import unpack_vectors

FALSE_POSITIVES = 0.001  # OK.ru 2018 reports its true positives at this share
SETS_A_STRANGER = 200  # candidate sets each stranger's face is tried against

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recognition:
    """Who is nearest to each true face of one population's uploads, before any threshold.

    Parameters
    ----------
    detected : bool [faces], a detection covers the face.
    distance : float32 [faces], cosine distance to the nearest candidate; infinite without detection or candidates.
    right : bool [faces], that candidate owns the face's person.
    known : bool [faces], the person is the uploader or a friend; eligible : and is detected and has a profile.
    tries : float32, sorted, distance of strangers' faces to the nearest of each candidate set they are tried against.
    strangers : how many faces these are. unmatched : detections that cover no true face.
    """

    detected: Flags
    distance: Floats
    right: Flags
    known: Flags
    eligible: Flags
    tries: Floats
    strangers: int
    unmatched: int


@dataclass(frozen=True)
class _Faces:
    """True faces of uploads, in (upload, face) order; `vector` is a row of `vectors` or -1 where none was detected."""

    upload: Ints  # place of the upload among the uploads
    person: Ints
    vector: Ints
    key: npt.NDArray[np.uint64]  # of the detection; seeds the choice of candidate sets


def recognise(
    uploads: pa.Table, upload_faces: pa.Table, accounts: pa.Table, network: Network, asked: Flags
) -> Recognition:
    """Compare the faces of uploads with the profiles that they may be.

    Parameters
    ----------
    uploads : table `uploads` of the whole truth. upload_faces : table `faces` with `upload_id` as photo_id.
    accounts : user_id, person_ids of *all* users of the truth, whatever the split: who is no stranger.
    network : friendships and profiles of the generation.
    asked : bool [uploads], those of the split: they are judged, and their candidate sets are what strangers meet.
        Strangers come from all uploads, because a stranger is one to every user, and a split alone has few.
    """
    truth = _explode(uploads)
    upload_faces = upload_faces.filter(pc.is_in(upload_faces["photo_id"], value_set=pc.unique(uploads["upload_id"])))
    upload_faces = upload_faces.sort_by([("photo_id", "ascending"), ("face", "ascending")])
    numbered = truth.set_column(1, "person_id", pa.array(np.arange(truth.num_rows)))
    looked_at = pa.table({"photo_id": uploads["upload_id"]})
    found = match_faces(upload_faces, looked_at, numbered)["person_id"].combine_chunks()
    faces = _faces(truth, uploads, upload_faces, found)
    vectors = unpack_vectors(upload_faces["embedding"]).astype(np.float32)
    owners = _owners(accounts)
    uploader = np.array([network.row_of(int(user)) for user in np.asarray(uploads["uploader_id"])], np.int64)
    sets = {int(row): network.candidates(int(row)) for row in np.unique(uploader[asked])}
    strangers = np.array([int(person) not in owners for person in faces.person], np.bool_) & (faces.vector >= 0)
    ids = np.asarray(uploads["upload_id"])
    unmatched = pc.is_in(upload_faces["photo_id"].filter(found.is_null()), value_set=pa.array(ids[asked]))
    return _compare(
        faces, np.flatnonzero(asked[faces.upload]), vectors, uploader, sets, owners, network,
        tries=_tries(faces, strangers, vectors, uploader[asked], ids[asked], sets),
        strangers=int(np.count_nonzero(strangers)), unmatched=pc.sum(unmatched).as_py() or 0,
    )  # fmt: skip


def judge(found: Sequence[Recognition]) -> dict[str, Any]:
    """TP at FP 0.1 % and what it rests on, over the faces of all `found` and with one threshold for them.

    Returns
    -------
    `tp_at_fp_0.001` (of detected faces whose person is the uploader or a friend with a profile), `tp_all` (of all
    faces whose person is the uploader or a friend), `wrong_at_fp_0.001` (detected faces of known or unknown people
    that are named as somebody else, of all detected faces), `upload_face_recall`, `unmatched_upload_faces`, and
    `strangers`: faces, tries, threshold (cosine distance, None without strangers), passed, and enough (whether the
    tries can show 0.1 %).
    """
    tries = np.sort(np.concatenate([each.tries for each in found]))
    threshold = loosest_threshold(tries)

    named = _total(each.distance < threshold for each in found)
    hits = _total(each.right & (each.distance < threshold) for each in found)
    detected = _total(each.detected for each in found)
    return {
        "tp_at_fp_0.001": share(hits, _total(each.eligible for each in found)),
        "tp_all": share(hits, _total(each.known for each in found)),
        "wrong_at_fp_0.001": share(named - hits, detected),
        "upload_face_recall": share(detected, sum(len(each.detected) for each in found)),
        "unmatched_upload_faces": sum(each.unmatched for each in found),
        "strangers": {
            "faces": sum(each.strangers for each in found),
            "tries": len(tries),
            "threshold": float(threshold) if len(tries) else None,
            "passed": int(np.count_nonzero(tries < threshold)),
            "enough": len(tries) * FALSE_POSITIVES >= 1,
        },
    }


def _total(flags: Iterable[Flags]) -> int:
    return sum(int(np.count_nonzero(each)) for each in flags)


def _compare(
    faces: _Faces,
    judged: Ints,
    vectors: Floats,
    uploader: Ints,
    sets: dict[int, Candidates],
    owners: dict[int, list[int]],
    network: Network,
    tries: Floats,
    strangers: int,
    unmatched: int,
) -> Recognition:
    """Find the nearest candidate of every true face of the `judged` ones."""
    distance = np.full(len(judged), FAR, np.float32)
    right, known, profiled = (np.zeros(len(judged), np.bool_) for _ in range(3))
    detected = faces.vector[judged] >= 0
    for place, index in enumerate(judged):
        row = int(uploader[faces.upload[index]])
        circle = set(network.circle(row).tolist())
        mine = {owner for user in owners.get(int(faces.person[index]), ()) if (owner := network.row_of(user)) in circle}
        known[place] = bool(mine)
        profiled[place] = any(network.has_profile(owner) for owner in mine)
        if detected[place]:
            nearest, apart = sets[row].nearest(vectors[faces.vector[index]][None])
            distance[place], right[place] = apart[0], int(nearest[0]) in mine
    return Recognition(detected, distance, right, known, detected & profiled, tries, strangers, unmatched)


def _tries(
    faces: _Faces,
    strangers: npt.NDArray[np.bool_],
    vectors: Floats,
    uploader: Ints,
    upload_ids: Ints,
    sets: dict[int, Candidates],
) -> Floats:
    """Distance of every stranger's face to the nearest of each candidate set it is tried against, sorted."""
    usable = np.array([len(sets[int(row)].rows) > 0 for row in uploader], np.bool_)
    uploads = np.flatnonzero(usable)
    ids = splitmix64(upload_ids[uploads])
    chosen: dict[int, list[int]] = {int(row): [] for row in np.unique(uploader[uploads])}
    for face in np.flatnonzero(strangers):
        order = np.argsort(splitmix64(ids ^ faces.key[face]), kind="stable")[:SETS_A_STRANGER]
        for row in uploader[uploads[order]]:
            chosen[int(row)].append(int(faces.vector[face]))
    distances = [sets[row].nearest(vectors[faces_])[1] for row, faces_ in chosen.items() if faces_]
    return np.sort(np.concatenate(distances)) if distances else np.zeros(0, np.float32)


def loosest_threshold(tries: Floats, rate: float = FALSE_POSITIVES) -> np.float32:
    """The largest distance below which at most this share of the tries (sorted) lie; infinite when there are none.

    Tries of one stranger often meet the same candidate, so equal distances are common: they fail together.
    """
    if len(tries) == 0:
        return FAR
    return np.float32(tries[int(len(tries) * rate)])


def _explode(uploads: pa.Table) -> pa.Table:
    lists = {name: uploads[name].combine_chunks() for name in ("person_ids", "x", "y", "w", "h")}
    parents = pc.list_parent_indices(lists["person_ids"])
    columns = {"photo_id": uploads["upload_id"].take(parents)}
    columns |= {name.replace("person_ids", "person_id"): pc.list_flatten(values) for name, values in lists.items()}
    return pa.table(columns)


def _faces(truth: pa.Table, uploads: pa.Table, upload_faces: pa.Table, found: pa.Array) -> _Faces:
    vector = np.full(truth.num_rows, -1, np.int64)
    matched = np.flatnonzero(np.asarray(found.is_valid()))
    vector[np.asarray(found.drop_null())] = matched
    ids = np.asarray(uploads["upload_id"])
    order = np.argsort(ids, kind="stable")
    photo = np.asarray(truth["photo_id"])
    face = np.append(np.asarray(upload_faces["face"]), 0).astype(np.uint64)[vector]
    key = splitmix64(splitmix64(photo) ^ face)
    return _Faces(order[np.searchsorted(ids, photo, sorter=order)], np.asarray(truth["person_id"]), vector, key)


def _owners(accounts: pa.Table) -> dict[int, list[int]]:
    """Users of each person. An account without any person in its album still stands for the person of its own id."""
    owners: dict[int, list[int]] = {}
    for user, persons in zip(accounts["user_id"].to_pylist(), accounts["person_ids"].to_pylist(), strict=True):
        for person in persons or [user]:
            owners.setdefault(person, []).append(user)
    return owners
