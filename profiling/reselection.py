"""A run about some users only: whose photos are selected anew, and what all others keep of an earlier selection."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling import tables
from profiling.albums import Flags, Ints, find, integers
from profiling.broadening import BY_RANK
from profiling.selection import place_in_run, select_photos
from profiling.settings import SelectionSettings


def unresolved_users(profiles: pa.Table) -> Ints:
    """Users without a profile in table ``profiles``, int64, for whatever reason."""
    return integers(profiles.filter(pc.not_equal(profiles["reason"], "ok"))["user_id"])


def users_to_reselect(photos: pa.Table, kept: pa.Table, wanted: Ints) -> Ints:
    """The wanted users, and those who have photos but nothing to keep, int64, ascending; nobody without photos.

    Parameters
    ----------
    photos : table ``photos`` of the snapshot. kept : table ``selection`` of the earlier generation, of the same bucket.
    wanted : int64, any order.
    """
    owners = np.unique(integers(photos["owner_id"]))
    keeping = np.unique(integers(kept["owner_id"])[_are_there(photos, kept)])
    return owners[np.isin(owners, wanted) | ~np.isin(owners, keeping)]


def reselect_photos(
    photos: pa.Table, tags: pa.Table, kept: pa.Table, users: Ints, settings: SelectionSettings | None = None
) -> pa.Table:
    """Table ``selection``: anew for `users` (`users_to_reselect`), for all others as in `kept`.

    What others keep is the same bit for bit, unless a photo of theirs is gone: then those behind it move up.
    """
    theirs = pa.array(users)
    mine = photos.filter(pc.is_in(photos["owner_id"], value_set=theirs))
    others = kept.filter(pa.array(_are_there(photos, kept) & ~np.isin(integers(kept["owner_id"]), users)))
    others = others.sort_by(BY_RANK)
    rank = pa.array(place_in_run(integers(others["owner_id"])), tables.SELECTION.field("rank").type)
    others = others.set_column(others.schema.get_field_index("rank"), "rank", rank).cast(tables.SELECTION)
    return pa.concat_tables([others, select_photos(mine, tags, settings)]).sort_by(BY_RANK).combine_chunks()


def _are_there(photos: pa.Table, selection: pa.Table) -> Flags:
    """Which rows of a selection name a photo that is still in its owner's album."""
    ids, owners = integers(photos["photo_id"]), integers(photos["owner_id"])
    order = np.argsort(ids, kind="stable")
    place, known = find(integers(selection["photo_id"]), ids[order])
    if len(ids):
        known &= owners[order][place] == integers(selection["owner_id"])
    return known
