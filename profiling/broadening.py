"""Who gets more photos looked at: users without a leader whom more photos could give one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.albums import Ints, find, integers
from profiling.selection import select_photos
from profiling.settings import SelectionSettings

MENDABLE = ("decode_failures", "no_faces", "nonfaces", "no_cluster", "no_margin", "looks_like_friend")
BY_RANK = [("owner_id", "ascending"), ("rank", "ascending")]


def users_to_broaden(profiles: pa.Table, photos: pa.Table, selection: pa.Table, limit: int) -> Ints:
    """Users without a leader who have photos that were not selected, int64, ascending.

    Parameters
    ----------
    profiles : table ``profiles`` of the last round. photos, selection : tables of the same users.
    limit : photos a user that are selected next; who has as many selected already is left out.
    """
    unresolved = profiles.filter(pc.is_in(profiles["reason"], value_set=pa.array(MENDABLE)))
    users = np.sort(integers(unresolved["user_id"]))
    has, selected = (_counts(users, integers(table["owner_id"])) for table in (photos, selection))
    return users[(has > selected) & (selected < limit)]


def broaden_selection(
    photos: pa.Table, tags: pa.Table, selection: pa.Table, users: Ints, limit: int, settings: SelectionSettings
) -> pa.Table:
    """Table ``selection`` with `limit` photos for each of `users` (ascending) and unchanged rows for all others.

    The photos that were selected before are the first of the new ones.
    """
    theirs = pa.array(users)
    mine = photos.filter(pc.is_in(photos["owner_id"], value_set=theirs))
    more = select_photos(mine, tags, settings.model_copy(update={"photos_per_user": limit}))
    others = selection.filter(pc.invert(pc.is_in(selection["owner_id"], value_set=theirs)))
    return pa.concat_tables([others, more]).sort_by(BY_RANK).combine_chunks()


def _counts(users: Ints, owners: Ints) -> Ints:
    place, known = find(owners, users)
    return np.bincount(place[known], minlength=len(users))
