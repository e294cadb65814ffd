"""Drawn tables `profiles`, and what a store must answer for them: an oracle of plain dicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from profiling.hashing import splitmix64
from profiling.store import ProfileStore, StoredGeneration, StoredProfile
from profiling.store.planning import bucket_rows
from profiling.vectors import pack_vectors

DIM = 8
MODEL = "a" * 64
BUCKETS = 4
REASONS = ("ok", "ok", "ok", "no_margin", "no_photos")
Answer = tuple[Any, ...]
Oracle = dict[int, Answer]


def draw_profiles(users: list[int], seed: int, dim: int = DIM) -> pa.Table:
    """Table `profiles` of these users: joint accounts, unresolved ones and NaN margins included."""
    count = len(users)
    random = np.random.default_rng(seed)
    resolved = np.array([REASONS[k % len(REASONS)] for k in random.integers(0, 60, count)], object)
    ok = resolved == "ok"
    two = ok & (random.random(count) < 0.2)
    vectors = random.normal(size=(2, count, dim))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    margin = np.where(random.random(count) < 0.1, np.nan, random.random(count)).astype(np.float32)
    return pa.table(
        {
            "user_id": pa.array(users, pa.int64()),
            "reason": pa.array(resolved.tolist(), pa.string()),
            "leader": np.where(ok, random.integers(0, 9, count), -1).astype(np.int16),
            "second": np.where(two, random.integers(0, 9, count), -1).astype(np.int16),
            "weight": random.random(count).astype(np.float32),
            "margin": margin,
            "faces": random.integers(0, 50, count).astype(np.int32),
            "profile": pack_vectors(vectors[0] * ok[:, None], ok),
            "second_profile": pack_vectors(vectors[1] * two[:, None], two),
        }
    )


def expected(profiles: pa.Table) -> Oracle:
    """What a store must answer for each user, read off the table row by row."""
    found: Oracle = {}
    for row in profiles.to_pylist():
        vectors = [row[name] for name in ("profile", "second_profile") if row[name] is not None]
        clusters = [row[name] for name in ("leader", "second") if row[name] != -1]
        numbers = np.array([row["weight"], row["margin"]], np.float32).tobytes()
        found[row["user_id"]] = (row["reason"], vectors, clusters, numbers, row["faces"])
    return found


def answer(found: StoredProfile) -> Answer:
    """A store's answer in the oracle's words; what is not in the generation has a reason alone."""
    if found.segment is None:
        return (found.reason,)
    vectors = [row.tobytes() for row in found.vectors]
    numbers = np.array([found.weight, found.margin], np.float32).tobytes()
    return (found.reason, vectors, list(found.clusters), numbers, found.faces)


def in_bucket(profiles: pa.Table, bucket: int, buckets: int = BUCKETS) -> pa.Table:
    """The users of one bucket."""
    ids = np.asarray(profiles["user_id"], np.int64)
    return profiles.filter(pa.array((splitmix64(ids) & np.uint64(buckets - 1)) == bucket))


def write_generation(
    store: ProfileStore,
    id: str,
    new: pa.Table,
    parent: StoredGeneration | None = None,
    old: pa.Table | None = None,
    only: int = BUCKETS,
    model: str = MODEL,
) -> StoredGeneration:
    """Write the first `only` buckets of a generation: a base, or a delta from `old`."""
    dim = new.schema.field("profile").type.byte_width // 2
    begun = store.begin(id, model, dim, BUCKETS, parent)
    for bucket in range(only):
        before = None if old is None else in_bucket(old, bucket)
        store.write(begun, bucket, bucket_rows(in_bucket(new, bucket), before, store.forgotten()))
    return begun


def publish(
    store: ProfileStore,
    id: str,
    new: pa.Table,
    parent: StoredGeneration | None = None,
    old: pa.Table | None = None,
    model: str = MODEL,
) -> StoredGeneration:
    """A whole generation, written, finished and activated."""
    before = store.head().active
    begun = write_generation(store, id, new, parent, old, model=model)
    return store.activate(store.finish(begun), before)
