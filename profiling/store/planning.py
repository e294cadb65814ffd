"""Base or delta: what a publish has to write."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.store.records import StoredGeneration
from profiling.store.rows import changed_users, stored_rows


def choose_parent(
    active: StoredGeneration | None, model: str, buckets: int, comparable: Collection[str], max_deltas: int
) -> StoredGeneration | None:
    """The generation that a delta may stand on; None = a base must be written.

    Parameters
    ----------
    active : of the store. model, buckets : of what is to be published.
    comparable : ids of generations whose profiles the lake still holds, in as many buckets. max_deltas : on one base.
    """
    if active is None or active.id not in comparable:
        return None
    fits = active.model == model and active.buckets == buckets and active.deltas < max_deltas
    return active if fits else None


def bucket_rows(new: pa.Table, old: pa.Table | None, hidden: npt.NDArray[np.int64]) -> pa.Table:
    """The rows to write for one bucket: of all users, or, against `old`, of those whom a delta needs.

    Parameters
    ----------
    new, old : table `profiles` of the same bucket, columns `rows.PROFILE_COLUMNS`. hidden : the ledger, sorted.
    """
    if old is None:
        return stored_rows(new, hidden)
    changed, gone = changed_users(new, old)
    return stored_rows(new.filter(pa.array(changed)), hidden, gone)
