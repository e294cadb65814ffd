"""What the clusters of an album depend on, as a digest for each user: the pixels come in by the hash of their bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from profiling.albums import Ints, find, flags, integers
from profiling.digests import Column, Digests, combine, digest_rows, sum_by_user

OF_SELECTION = ("photo_id", "quality")
OF_PHOTOS = ("photo_id", "was_avatar", "taken_at")
OF_SEEN = ("photo_id", "version", "reason", "faces", "content_hash", "perceptual_hash")
OF_TAGS = ("photo_id", "user_id", "x", "y", "w", "h", "source")
OF_PEOPLE = ("birth_year", "birth_year_confidence", "female")


def album_inputs(
    users: pa.Table,
    photos: pa.Table,
    tags: pa.Table,
    selection: pa.Table,
    seen: pa.Table,
    people: pa.Table,
    viral: pa.Table,
    rules: Any,
) -> Digests:
    """A digest of each user's inputs of `cluster_bucket`, uint64 [users, 2].

    Parameters
    ----------
    users : sorted by user_id. photos, tags, selection, seen, people, viral : of the same bucket, any order.
    rules : JSON values that all users share: settings, the face key, the version of the code. The face key and
        `seen.content_hash` stand for the faces, which need not be read.

    Notes
    -----
    Photos that are not selected count nothing, whatever becomes of them, nor do tags on them.
    """
    ids = integers(users["user_id"])
    chosen = integers(selection["photo_id"])
    order = np.argsort(chosen, kind="stable")
    chosen, owner = chosen[order], find(integers(selection["owner_id"]), ids)[0][order]

    def of_photos(table: pa.Table, *names: str) -> Digests:
        """The digests of a table's rows, of those that are about selected photos, by the photo's owner."""
        place, known = find(integers(table["photo_id"]), chosen)
        rows = table.filter(pa.array(known))
        whose: Ints = owner[place[known]] if len(chosen) else place[known]
        return sum_by_user(digest_rows(*_columns(rows, names)), whose, len(ids))

    consent = flags(users["consent"].fill_null(True)).astype(np.int64)
    about = sum_by_user(digest_rows(*_columns(people, OF_PEOPLE)), find(integers(people["user_id"]), ids)[0], len(ids))
    return combine(
        rules,
        digest_rows(consent),
        of_photos(selection, *OF_SELECTION),
        of_photos(photos, *OF_PHOTOS),
        of_photos(tags, *OF_TAGS),
        of_photos(seen, *OF_SEEN),
        of_photos(viral, "photo_id"),
        about,
    )


def _columns(table: pa.Table, names: tuple[str, ...]) -> list[Column]:
    return [table[name] for name in names]
