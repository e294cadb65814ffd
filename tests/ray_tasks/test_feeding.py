"""A part that fails is tried again, and set aside after three failures; its share gates publishing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from profiling.errors import KithError, LakeError, RayLostError
from profiling.tables import SEEN, faces_schema
from ray_tasks.feeding import Feeding
from ray_tasks.jobs import BucketJob, StageOutput
from ray_tasks.lake import Lake, Manifest
from ray_tasks.parts import Part, PhotoList
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.set_aside import REASON, TRIES, forgive, stuck

DIM = 4
STAGE = "embed-x-0"


class Detector:
    """A detector whose photos decide what happens to it: by the URI of a part's first photo."""

    def __init__(self, folder: str) -> None:
        self.lake = Lake.open(folder)

    def run_parts(self, parts: list[Part]) -> list[Manifest]:
        found = [self.lake.find(part.stage, part.bucket, part.fingerprint) for part in parts]
        return [manifest or self._run(part) for manifest, part in zip(found, parts, strict=True)]

    def _run(self, part: Part) -> Manifest:
        what = part.photos.uris[0]
        tries = self.lake.folder / f"tries-{part.bucket}"
        with tries.open("a") as file:
            file.write("x")
        if what == "dies" or (what == "dies once" and tries.stat().st_size == 1):
            os._exit(1)
        if what == "raises":
            raise ValueError("a face has no nose")
        if what == "full disk":
            raise LakeError("disk: cannot be written; free space")
        rows = [{"photo_id": each, "version": 0, "reason": "no_face", "faces": 0} for each in part.photos.photo_ids]
        with self.lake.attempt(part.stage, part.bucket, part.fingerprint) as attempt:
            attempt.write("faces", faces_schema(DIM).empty_table())
            attempt.write("seen", pa.Table.from_pylist(rows, schema=SEEN))
            return attempt.commit({"photos": len(rows), "faces": 0, "reasons": {"no_face": len(rows)}})

    def photos_seen(self) -> int:
        return 0


def part(bucket: int, what: str) -> Part:
    ids = np.arange(2, dtype=np.int64) + 10 * bucket
    return Part(STAGE, bucket, f"{bucket:032d}", PhotoList(ids, np.zeros(2, np.int64), [what, what]))


def feed(session: RaySession, folder: Path, *what: str) -> Lake:
    lake = Lake.create(folder, 8)
    ray = session.ray()
    actor = ray.remote(concurrency_groups={"report": 1})(Detector)
    actors = [actor.options(max_restarts=-1, max_task_retries=3, num_cpus=0).remote(str(folder)) for _ in range(2)]
    parts = [part(bucket, each) for bucket, each in enumerate(what)]
    try:
        with RunProgress(lake, "build") as progress, progress.stage("embed", 2 * len(parts), "photos") as bar:
            Feeding(ray, lake, DIM, bar).feed(actors, parts)
            assert bar._note.done == 2 * len(parts)
    finally:
        for each in actors:
            ray.kill(each)
    return lake


def reasons(lake: Lake, bucket: int) -> list[str]:
    (manifest,) = lake.results(STAGE, bucket)
    assert manifest.counts["photos"] == 2
    return list(lake.read(manifest, "seen")["reason"].to_pylist())


def tries(lake: Lake, bucket: int) -> int:
    return (lake.folder / f"tries-{bucket}").stat().st_size


def refuse(lake: Lake, job: BucketJob) -> StageOutput:
    if not (lake.folder / "mended").exists():
        raise ArithmeticError("no number")
    return StageOutput({}, {})


@pytest.mark.slow
def test_what_becomes_of_parts_that_fail(tmp_path: Path) -> None:
    with RaySession(cpus=2) as session:
        for what in ("dies", "raises"):
            one_is_set_aside(session, tmp_path / what, what)
        with pytest.raises(RayLostError, match=r"bucket . of embed-x-0 and others failed 3 times"):
            feed(session, tmp_path / "broken", "raises", "raises", "fine")
        with pytest.raises(LakeError, match="free space"):
            feed(session, tmp_path / "full", "fine", "full disk")
        assert not stuck(Lake.open(tmp_path / "full"))
        a_bucket_of_another_stage_is_stuck_until_it_is_done(session, Lake.create(tmp_path / "other", 2))


def one_is_set_aside(session: RaySession, folder: Path, what: str) -> None:
    lake = feed(session, folder, "fine", what, "dies once", "fine")
    assert [reasons(lake, bucket) for bucket in (0, 2, 3)] == [["no_face"] * 2] * 3
    assert reasons(lake, 1) == [REASON] * 2
    assert (tries(lake, 1), tries(lake, 2), tries(lake, 0)) == (1 + TRIES, 2, 1)  # once more in a bundle, uncounted
    (found,) = stuck(lake)
    assert (found.stage, found.bucket, found.failures) == (STAGE, 1, TRIES)
    assert what == "dies" or found.reason == "a face has no nose"
    forgive(lake, STAGE, 1)
    assert not stuck(lake)


def a_bucket_of_another_stage_is_stuck_until_it_is_done(session: RaySession, lake: Lake) -> None:
    jobs = [BucketJob("refuse", 1, "f", refuse)]
    for _ in range(TRIES):
        assert not stuck(lake)
        with pytest.raises(Exception, match="no number") as caught:
            session.run(lake, jobs, lambda _: None)
        assert not isinstance(caught.value, KithError)
    (found,) = stuck(lake)
    assert (found.stage, found.bucket) == ("refuse", 1)
    assert found.reason.endswith("no number")
    (lake.folder / "mended").touch()
    done: list[Any] = []
    session.run(lake, jobs, done.append)
    assert len(done) == 1
    assert not stuck(lake)
