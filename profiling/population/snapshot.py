"""What changed from one snapshot to the next, counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

KEYS: dict[str, tuple[str, ...]] = {  # what makes a row the same row in the next snapshot
    "users": ("user_id",),
    "photos": ("photo_id",),
    "tags": ("photo_id", "user_id"),
    "friends": ("user_id", "friend_id"),
}
POSITIONS = ("row", "friend_row")  # places, not facts: they shift when another user joins
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio (Knuth, TAOCP 6.4): spreads the columns over all bits


def snapshot_difference(old: Mapping[str, pa.Table], new: Mapping[str, pa.Table]) -> dict[str, int]:
    """Count what was added, changed and is gone between two snapshots of one bucket.

    Parameters
    ----------
    old, new : the same tables of KEYS each, in any order of rows; `friends` with columns user_id, friend_id and
        tagged_together instead of row numbers.

    Returns
    -------
    "users_added", "users_changed", "users_gone", "photos_added", … ; a key with several rows (two tags of one user on
    one photo) counts once, as changed when any of its rows differs. "consent_withdrawn" and "consent_given" count users
    who are in both snapshots, once more.
    """
    counts: dict[str, int] = {}
    for table, keys in KEYS.items():
        if table not in new:
            continue
        before, after = _digests(old[table], keys), _digests(new[table], keys)
        both = before.index.intersection(after.index)
        counts[f"{table}_added"] = len(after) - len(both)
        counts[f"{table}_changed"] = int((before.loc[both].to_numpy() != after.loc[both].to_numpy()).sum())
        counts[f"{table}_gone"] = len(before) - len(both)
    return counts | (_consent(old["users"], new["users"]) if "users" in new else {})


def _consent(old: pa.Table, new: pa.Table) -> dict[str, int]:
    """Who took consent back, and who gave it."""
    before, after = (
        pd.Series(table["consent"].to_numpy(zero_copy_only=False), table["user_id"].to_numpy()) for table in (old, new)
    )
    both = before.index.intersection(after.index)
    was, now = before.loc[both].to_numpy(np.bool_), after.loc[both].to_numpy(np.bool_)
    return {"consent_withdrawn": int((was & ~now).sum()), "consent_given": int((~was & now).sum())}


def _digests(table: pa.Table, keys: tuple[str, ...]) -> pd.Series[Any]:
    """One 64-bit digest a key: the wrapping sum of its rows' digests, so that their order does not matter."""
    facts = [name for name in sorted(table.column_names) if name not in POSITIONS]
    digests = np.zeros(table.num_rows, np.uint64)
    for name in facts:
        digests = _mix(digests * ODD + _hash_column(table[name]))
    index = [table[name].to_numpy() for name in keys]
    return pd.Series(digests).groupby(index).sum().astype("uint64")


def _hash_column(values: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    if pa.types.is_string(values.type):
        plain = values.fill_null("").to_numpy()
    elif pa.types.is_floating(values.type):
        plain = values.fill_null(0).to_numpy().astype(np.float64)
    else:
        plain = values.cast(pa.int64()).fill_null(0).to_numpy()
    there = np.asarray(values.is_valid().to_numpy(), dtype=np.uint64)
    return pd.util.hash_array(plain, categorize=True) * np.uint64(2) + there


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return values ^ (values >> np.uint64(29))
