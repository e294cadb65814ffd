"""Errors by group of users: a generation may be good on the whole and bad for some."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.errors import PopulationError
from profiling.evaluation.albums import album_shares, read_albums, read_round
from profiling.evaluation.labels import label_clusters
from profiling.evaluation.matching import match_faces
from profiling.evaluation.summary import Generation
from profiling.evaluation.truth import Truth


def label_generation(generation: Generation, truth: Truth) -> pa.Table:
    """Whose each cluster of the truth's users is; see `label_clusters`."""
    photos = _photos_of(generation, truth)
    faces = generation.faces.select(["photo_id", "face", "x", "y", "w", "h"])
    faces = faces.filter(pc.is_in(faces["photo_id"], value_set=photos["photo_id"].combine_chunks()))
    return label_clusters(generation.members, match_faces(faces, generation.seen, truth.faces), truth.users)


def errors_by_group(generation: Generation, truth: Truth, groups: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """Coverage, precision and leaders of the last round by group.

    Parameters
    ----------
    groups : user_id, and one column of texts for each grouping; users without a row count as "unknown".

    Returns
    -------
    By grouping, and by the `kind` of the truth where it has any: a list of `name` and the metrics of `album_shares`,
    by name.

    Raises
    ------
    PopulationError
        The lake holds none of the truth's users.
    """
    known = pc.is_in(truth.users["user_id"], value_set=pc.unique(generation.users["user_id"]))
    truth = Truth(truth.users.filter(known), truth.faces, truth.uploads)
    if truth.users.num_rows == 0:
        raise PopulationError("truth/users.parquet: the lake holds none of these users; name its population's truth")
    labels = label_generation(generation, truth)
    photos = _photos_of(generation, truth).select(["photo_id", "owner_id"])
    albums = read_albums(truth.users, truth.faces, photos, generation.clusters, labels)
    made = read_round(albums, generation.scores[-1], generation.profiles[-1], labels)
    found = {}
    for grouping, names in _columns(truth.users, groups).items():
        shares = {name: album_shares(albums, made, names == name) for name in np.unique(names).tolist()}
        if set(shares) != {"unknown"}:
            found[grouping] = [{"name": name, **metrics} for name, metrics in shares.items()]
    return found


def _columns(users: pa.Table, groups: pa.Table) -> dict[str, np.ndarray]:
    """The group of each of the truth's users, by grouping."""
    rows = pc.index_in(users["user_id"], value_set=groups["user_id"].combine_chunks())
    columns = {name: groups[name].take(rows).fill_null("unknown") for name in groups.column_names if name != "user_id"}
    columns["kind"] = users["kind"].fill_null("unknown")
    return {name: np.asarray(column.to_pylist(), dtype=str) for name, column in columns.items()}


def _photos_of(generation: Generation, truth: Truth) -> pa.Table:
    mine = pc.is_in(generation.photos["owner_id"], value_set=truth.users["user_id"].combine_chunks())
    return generation.photos.filter(mine)
