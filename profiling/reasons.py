"""Why a user without any cluster has none: the first step of the way from consent to clusters that failed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.albums import Flags, Ints, find, flags, integers

READABLE = ("ok", "no_face")  # reasons in table `seen` of photos that could be looked at
CUT = ("nonface", "low_score")  # states in table `members` of what is hardly a face


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
    read = find(photo, np.sort(integers(readable["photo_id"])))[1]
    member_user = integers(members["user_id"])
    kept = ~np.asarray(pc.is_in(members["state"], value_set=pa.array(CUT)), np.bool_)
    steps = [
        ("no_consent", flags(users["consent"].fill_null(True))),
        ("no_photos", _among(user_id, owner)),
        ("decode_failures", _among(user_id, owner[read])),
        ("no_faces", _among(user_id, member_user)),
        ("nonfaces", _among(user_id, member_user[kept])),
    ]
    return np.asarray(np.select([~passed for _, passed in steps], [code for code, _ in steps], "no_cluster"), object)


def _among(user_id: Ints, rows: Ints) -> Flags:
    """Which users (ids ascending) own a row at least."""
    place, known = find(rows, user_id)
    found = np.zeros(len(user_id), np.bool_)
    found[place[known]] = True
    return found
