"""The rows of a profile store, made of a generation's table `profiles`; which of them a delta needs.

A user with a profile has a row a profile (rank 0, and 1 for a joint account's second); a user without one has a row of
rank 0 with the reason and no vector, so that a lost profile hides an earlier one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import integers
from profiling.store.records import GONE, Counts
from profiling.tables import NO_CLUSTER
from profiling.vectors import pack_vectors, unpack_vectors, vector_type

Flags = npt.NDArray[np.bool_]

REASON_BYTES = 64  # more than any code of STORE_REASONS has
PROFILE_COLUMNS = (  # of table `profiles`: what is published, in the order of comparison
    "user_id",
    "reason",
    "leader",
    "second",
    "weight",
    "margin",
    "faces",
    "profile",
    "second_profile",
)


def stored_schema(dim: int) -> pa.Schema:
    """One row a profile or unresolved user, sorted by user_id, rank; vectors null for unresolved users.

    `cluster` is the leader (rank 1: the second); `weight`, `margin` and `faces` are the user's, on every row.
    """
    return pa.schema(
        [
            ("user_id", pa.int64()),
            ("rank", pa.int8()),
            ("reason", pa.dictionary(pa.int8(), pa.string())),
            ("cluster", pa.int16()),
            ("weight", pa.float32()),
            ("margin", pa.float32()),
            ("faces", pa.int32()),
            ("vector", vector_type(dim)),
        ]
    )


def stored_rows(
    profiles: pa.Table, hidden: npt.NDArray[np.int64], gone: npt.NDArray[np.int64] | None = None
) -> pa.Table:
    """Rows of the users of `profiles`, and unresolved ones of users who are `gone`.

    Parameters
    ----------
    profiles : columns `PROFILE_COLUMNS`, any order of users, each once.
    hidden : ids of forgotten users, sorted; they get no row.
    """
    profiles = profiles.filter(pa.array(~_among(integers(profiles["user_id"]), hidden)))
    first = _rows_of(profiles, 0, "leader", "profile")
    two = np.asarray(profiles["second_profile"].combine_chunks().is_valid(), np.bool_)
    second = _rows_of(profiles.filter(pa.array(two)), 1, "second", "second_profile")
    tables = [first, second]
    if gone is not None:
        tables.append(_gone_rows(gone[~_among(gone, hidden)], first.schema))
    rows = pa.concat_tables(tables).combine_chunks().unify_dictionaries()
    order = np.lexsort([np.asarray(rows["rank"]), np.asarray(rows["user_id"])])
    return rows.take(pa.array(order)).combine_chunks()


def changed_users(new: pa.Table, old: pa.Table) -> tuple[Flags, npt.NDArray[np.int64]]:
    """Which users a delta from `old` to `new` needs: those who are new or differ in any bit, and those who are gone.

    Parameters
    ----------
    new, old : columns `PROFILE_COLUMNS`, each user once.

    Returns
    -------
    changed : bool [users of new]. gone : int64, users of `old` only, sorted.
    """
    new_ids, old_ids = integers(new["user_id"]), integers(old["user_id"])
    order = np.argsort(old_ids, kind="stable")
    place = np.searchsorted(old_ids, new_ids, sorter=order)
    there = place < len(old_ids)
    there[there] = old_ids[order[place[there]]] == new_ids[there]
    changed = np.ones(len(new_ids), np.bool_)
    same = np.ones(int(there.sum()), np.bool_)
    rows = order[place[there]]
    for name in PROFILE_COLUMNS[1:]:
        same &= (_bits(new[name])[there] == _bits(old[name])[rows]).all(axis=1)
    changed[there] = ~same
    return changed, np.setdiff1d(old_ids, new_ids)


def count_rows(rows: pa.Table) -> Counts:
    """Users and rows of a table of rows: every user has one of rank 0."""
    return Counts(int(np.count_nonzero(np.asarray(rows["rank"]) == 0)), len(rows))


def same_rows(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables of rows hold the same bits; NaN equals NaN."""
    if len(one) != len(other) or one.schema.field("vector").type != other.schema.field("vector").type:
        return False
    return all(bool((_bits(one[name]) == _bits(other[name])).all()) for name in one.column_names)


def _rows_of(profiles: pa.Table, rank: int, cluster: str, vector: str) -> pa.Table:
    dim = profiles.schema.field(vector).type.byte_width // 2
    resolved = np.asarray(profiles["reason"]) == "ok"
    vectors = unpack_vectors(profiles[vector].combine_chunks())
    columns = {
        "user_id": profiles["user_id"],
        "rank": pa.array(np.full(len(profiles), rank, np.int8)),
        "reason": profiles["reason"].combine_chunks().cast(pa.string()).dictionary_encode().cast(_REASON),
        "cluster": profiles[cluster],
        "weight": profiles["weight"],
        "margin": profiles["margin"],
        "faces": profiles["faces"],
        "vector": pack_vectors(vectors, None if resolved.all() else resolved),
    }
    return pa.table(columns).cast(stored_schema(dim))


def _gone_rows(gone: npt.NDArray[np.int64], schema: pa.Schema) -> pa.Table:
    count = len(gone)
    nothing = np.full(count, np.nan, np.float32)
    columns = {
        "user_id": pa.array(gone),
        "rank": pa.array(np.zeros(count, np.int8)),
        "reason": pa.array([GONE] * count, pa.string()).dictionary_encode().cast(_REASON),
        "cluster": pa.array(np.full(count, NO_CLUSTER, np.int16)),
        "weight": pa.array(nothing),
        "margin": pa.array(nothing),
        "faces": pa.array(np.zeros(count, np.int32)),
        "vector": pa.nulls(count, schema.field("vector").type),
    }
    return pa.table(columns).cast(schema)


_REASON = pa.dictionary(pa.int8(), pa.string())


def _among(ids: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64]) -> Flags:
    return np.isin(ids, chosen) if len(chosen) else np.zeros(len(ids), np.bool_)


def _bits(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.uint8]:
    """A column as bytes [rows, width], the first one telling null from value."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    valid = np.asarray(column.is_valid(), np.bool_)
    if pa.types.is_string(column.type):
        words = column.fill_null("").to_numpy(zero_copy_only=False).astype(f"S{REASON_BYTES}")
        values = words.view(np.uint8)
    elif pa.types.is_fixed_size_binary(column.type):
        values = unpack_vectors(column).view(np.uint8)
    else:
        values = np.asarray(column.fill_null(0)).view(np.uint8)
    width = values.nbytes // len(column) if len(column) else 0
    return np.column_stack([valid.view(np.uint8), values.view(np.uint8).reshape(len(column), width)])
