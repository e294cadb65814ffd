"""Viral photos across buckets: copies of one picture in many albums, whatever the buckets and the order of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.settings import Settings
from profiling.tables import SEEN, faces_schema
from ray_tasks.jobs import BucketJob, run_job
from ray_tasks.lake import Lake, Manifest
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.stages.context import BuildContext
from ray_tasks.stages.embed import stage_name
from ray_tasks.stages.looked import look_over
from ray_tasks.stages.partition import run_partition
from ray_tasks.stages.select import select
from ray_tasks.stages.viral import viral

pytestmark = pytest.mark.slow

STAR, MEME, PARTY = 0x9E3779B97F4A7C15, 0x0123456789ABCDEF, 0xFEDCBA9876543210
LIMIT = 12  # owners who do not know each other
USERS = 40
CIRCLE = range(20, 40)  # all friends of each other


class Here(RaySession):
    """Runs jobs in this process."""

    def ray(self) -> None:
        """None is needed."""

    def run(self, lake: Lake, jobs: Any, done: Callable[[Manifest], None]) -> dict[int, Manifest]:
        results = {job.bucket: run_job(lake, job) for job in jobs if isinstance(job, BucketJob)}
        for manifest in results.values():
            done(manifest)
        return results


def draw() -> dict[int, tuple[int, int]]:
    """Photo -> owner, hash: 14 strangers with STAR, some of them saved again; 11 with MEME; the circle with PARTY."""
    rng = np.random.default_rng(5)
    photos = {}
    for user in range(USERS):
        shown = [int(rng.integers(1 << 63)) for _ in range(3)]
        if user < 14:
            shown.append(STAR ^ (0 if user % 2 else 1 << user | 1 << 3 * user))
        if user < 11:
            shown.append(MEME)
        if user in CIRCLE:
            shown.append(PARTY)
        photos.update({100 * user + k: (user, each) for k, each in enumerate(shown)})
    return photos


def context_of(folder: Path, photos: dict[int, tuple[int, int]], buckets: int) -> BuildContext:
    population = folder / "population"
    population.mkdir(parents=True)
    ids = list(photos)
    pairs = [(a, b) for a in CIRCLE for b in CIRCLE if a < b]
    written = {
        "users": {"user_id": list(range(USERS))},
        "photos": {"photo_id": ids, "owner_id": [photos[i][0] for i in ids], "uri": [f"{i}.jpg" for i in ids]},
        "friendships": {"user_a": [a for a, _ in pairs], "user_b": [b for _, b in pairs]},
    }
    for name, columns in written.items():
        pq.write_table(pa.table(columns), population / f"{name}.parquet")
    settings = Settings.model_validate({"clustering": {"viral_owners": LIMIT}})
    lake = Lake.create(folder / "lake", buckets)
    context = BuildContext(lake, str(population), settings, Here(), RunProgress(lake, "test"))
    run_partition(context)
    select(context)
    owner = np.array([photos[i][0] for i in ids], np.int64)
    for bucket in range(buckets):
        mine = [i for i, here in zip(ids, lake.bucket_of(owner), strict=True) if here == bucket]
        rows = [
            {"photo_id": i, "version": 0, "reason": "ok", "faces": 1, "perceptual_hash": photos[i][1]} for i in mine
        ]
        with lake.attempt(stage_name(settings), bucket, "0" * 32) as attempt:
            attempt.write("seen", pa.Table.from_pylist(rows, schema=SEEN))
            attempt.write("faces", faces_schema(4).empty_table())
            attempt.commit()
    return context


def found(context: BuildContext) -> list[int]:
    look_over(context, stage_name(context.settings))
    viral(context)
    tables = [context.lake.read(manifest, "viral") for manifest in context.manifests["viral"].values()]
    for bucket, table in enumerate(tables):
        owners = np.asarray(table["photo_id"], np.int64) // 100
        assert set(context.lake.bucket_of(owners).tolist()) <= {bucket}
    return sorted(i for table in tables for i in table["photo_id"].to_pylist())


@pytest.mark.parametrize("buckets", [1, 4, 16])
def test_a_picture_of_many_strangers_is_viral_a_party_of_friends_is_not(tmp_path: Path, buckets: int) -> None:
    photos = draw()
    expected = [i for i, (_, each) in photos.items() if (each ^ STAR).bit_count() <= 4]
    assert len(expected) == 14
    assert found(context_of(tmp_path, photos, buckets)) == sorted(expected)
    turned = dict(reversed(photos.items()))
    assert found(context_of(tmp_path / "again", turned, buckets)) == sorted(expected)


def test_a_second_run_finds_all_committed_and_another_limit_looks_again(tmp_path: Path) -> None:
    context = context_of(tmp_path, draw(), 4)
    first = found(context)
    marks = {manifest.fingerprint for manifest in context.manifests["viral"].values()}
    attempts = [manifest.attempt for manifest in context.manifests["viral"].values()]
    assert found(context) == first
    assert [manifest.attempt for manifest in context.manifests["viral"].values()] == attempts
    context.settings = Settings.model_validate({"clustering": {"viral_owners": 11}})
    meme = [i for i, (_, each) in draw().items() if each == MEME]
    assert found(context) == sorted([*first, *meme])
    assert not marks & {manifest.fingerprint for manifest in context.manifests["viral"].values()}
    assert not list((context.lake.folder / "scratch").glob("*"))
