"""Memory of stage 0 follows the spill budget and one bucket, not the population."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ALLOWED_GROWTH = 60 << 20  # bytes: what allocators keep; the larger population's tables are 100 MB as Arrow

MEASURE = """
import sys, threading
import numpy as np, psutil
from profiling.settings import PartitionSettings
from ray_tasks.lake import Lake
from ray_tasks.stages.partition import partition

lake, done, seen = Lake.create(sys.argv[2], int(sys.argv[3])), threading.Event(), [0]

def watch():
    while not done.wait(0.005):
        seen.append(psutil.Process().memory_info().rss)

before, watcher = psutil.Process().memory_info().rss, threading.Thread(target=watch)
watcher.start()
partition(sys.argv[1], lake, PartitionSettings(), np.zeros(0, np.int64), memory_bytes=4 << 20)
done.set()
sys.stdout.write(str(max(seen) - before))
"""


def draw(folder: Path, users: int) -> None:
    folder.mkdir()
    draw = np.random.default_rng(users)
    ids, photos = np.arange(users) * 7, np.arange(users * 10)
    uris = np.char.add("images/some-longer-folder/photo-", photos.astype(str))
    tables = {
        "users": {"user_id": ids},
        "photos": {"photo_id": photos, "owner_id": draw.choice(ids, len(photos)), "uri": uris},
        "tags": {"photo_id": draw.choice(photos, users * 5), "user_id": draw.choice(ids, users * 5)},
        "friendships": {"user_a": draw.choice(ids, users * 15), "user_b": draw.choice(ids, users * 15)},
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet", row_group_size=100_000)


@pytest.mark.slow
def test_eight_times_the_users_in_eight_times_the_buckets_take_the_same_memory(tmp_path: Path) -> None:
    growth = []
    for times in (1, 8):
        population, lake = tmp_path / f"population-{times}", tmp_path / f"lake-{times}"
        draw(population, 15_000 * times)
        command = [sys.executable, "-c", MEASURE, str(population), str(lake), str(4 * times)]
        growth.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    assert growth[1] - growth[0] < ALLOWED_GROWTH
