"""What a night costs: a full run of a population, then a nightly run after 1 % of its photos changed, stage by stage.

    python benchmarks/nightly.py POPULATION [--share 0.01] [--buckets 16] [--keep FOLDER]

Of the changed photos a third is added (bytes of a sent photo), a third deleted, a third gets other bytes; of the
friendships the same share goes. Times are those of the stages, as the run's note in the lake has them: without the
start of Ray, but with that of the embed stage's actors. They are the wall's: measure on a machine that does nothing
else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from profiling.settings import Settings
from ray_tasks.build import build
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession

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


def stages(lake: Lake) -> dict[str, float]:
    """Seconds of each stage of the newest run; the rounds are one."""
    note = lake.notes("runs")[-1]
    found: dict[str, float] = {}
    for name, stage in note["stages"].items():
        key = "score" if name.startswith("score-") else name
        found[key] = found.get(key, 0.0) + stage["ended"] - stage["started"]
    return found | {"whole": note["ended"] - note["started"]}


def measure(population: Path, folder: Path, share: float, buckets: int) -> dict[str, object]:
    """Full run and nightly run, and what became of the users."""
    lake = Lake.create(folder / "lake", buckets)
    photos = change(population, folder / "tomorrow", share)
    with RaySession() as session:
        session.ray()
        first = build(population, lake, Settings(), session)
        full = stages(lake)
        second = build(folder / "tomorrow", lake, Settings(), session, artefacts=first.id)
    night = stages(lake)
    users = {
        stage: sum(int(m.counts["computed"]) for m in second.manifests(lake, stage).values())
        for stage in ("people", "cluster", "co_occurrence")
    }
    users |= {f"round {each['number']}": each["scored"] for each in second.rounds}
    return {"photos": photos, "full": full, "night": night, "users": second.audit["users"], "computed": users}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("population", type=Path)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--buckets", type=int, default=16)
    parser.add_argument("--keep", type=Path, help="folder for the lake; left there")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(given.population.absolute(), given.keep or Path(scratch), given.share, given.buckets)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
