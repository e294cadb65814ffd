"""The population of the next day, which `bench_nightly.py` runs the night over.

Of the changed photos a third is added (bytes of a sent photo), a third deleted, a third gets other bytes; of the
friendships the same share ends.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SEED = 7


def change(population: Path, folder: Path, share: float) -> int:
    """Write the population of the next day; returns how many photos are others."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    photos = pq.read_table(population / "photos.parquet").to_pylist()
    count = max(1, round(share * len(photos) / 3))
    added, deleted, replaced = np.split(rng.permutation(len(photos))[: 3 * count], 3)
    uris = [row["uri"] for row in pq.read_table(population / "truth/uploads.parquet").to_pylist()]
    first = max(row["photo_id"] for row in photos) + 1
    new = [
        {"photo_id": first + k, "owner_id": photos[at]["owner_id"], "uri": str(population / uris[k % len(uris)])}
        for k, at in enumerate(added.tolist())
    ]
    for k, at in enumerate(replaced.tolist()):
        photos[at] |= {"uri": uris[-1 - k % len(uris)], "version": 1}
    gone = set(deleted.tolist())
    left = [row | {"uri": str(population / row["uri"])} for at, row in enumerate(photos) if at not in gone] + new
    kept = {row["photo_id"] for row in left}
    schema = pq.read_schema(population / "photos.parquet")
    if "version" not in schema.names:
        schema = schema.append(pa.field("version", pa.int64()))
    pq.write_table(pa.Table.from_pylist(left, schema), folder / "photos.parquet")
    tags = pq.read_table(population / "tags.parquet")
    pq.write_table(tags.filter(pa.array([p in kept for p in tags["photo_id"].to_pylist()])), folder / "tags.parquet")
    friends = pq.read_table(population / "friendships.parquet")
    stay = rng.random(len(friends)) >= share
    pq.write_table(friends.filter(pa.array(stay)), folder / "friendships.parquet")
    shutil.copy(population / "users.parquet", folder / "users.parquet")
    return 3 * count
