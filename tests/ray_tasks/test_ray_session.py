"""A local Ray: closed to others, and errors of its workers come back as the line they meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from profiling.errors import KithError, PopulationError
from ray_tasks.jobs import BucketJob, StageOutput, split_done
from ray_tasks.lake import Lake, Manifest
from ray_tasks.ray_session import RaySession

pytestmark = pytest.mark.slow

STRANGER = """
import sys, ray
try:
    ray.init(address=sys.argv[1])
except ConnectionError:
    sys.exit(7)
"""


def count(lake: Lake, job: BucketJob) -> StageOutput:
    return StageOutput({"t": pa.table({"bucket": [job.bucket]})}, {"bucket": job.bucket})


def refuse(lake: Lake, job: BucketJob) -> StageOutput:
    raise PopulationError("users.parquet: is no such thing")


def die_once(lake: Lake, job: BucketJob) -> StageOutput:
    died = lake.folder / f"died-{job.bucket}"
    if not died.exists():
        died.touch()
        os._exit(1)
    return count(lake, job)


def test_a_local_ray(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", 4)
    with RaySession(cpus=2) as session:
        a_stranger_is_refused(session.ray().get_runtime_context().gcs_address)
        jobs_run_once(session, lake)
        dead_workers_are_replaced(session, lake)
        a_workers_error_is_its_one_line(session, lake)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere.invalid:6379"])
def test_a_cluster_that_is_not_there_is_one_line(address: str) -> None:
    with RaySession(address) as session, pytest.raises(KithError, match=f"Ray on {address} cannot be reached"):
        session.ray()


def test_a_local_ray_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code = "from ray_tasks.ray_session import RaySession; RaySession(cpus=1).ray()"
    environment = os.environ | {"RAY_TMPDIR": str(tmp_path / "file")}
    died = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "RayLostError: Ray did not start on this machine" in died.stderr


def a_stranger_is_refused(address: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    run = subprocess.run([sys.executable, "-c", STRANGER, address], env=environment, capture_output=True, check=False)
    assert run.returncode == 7, run.stderr


def jobs_run_once(session: RaySession, lake: Lake) -> None:
    jobs = [BucketJob("count", bucket, "f", count) for bucket in range(4)]
    heard: list[Manifest] = []
    found = session.run(lake, jobs, heard.append)
    assert sorted(found) == [0, 1, 2, 3] == sorted(manifest.bucket for manifest in heard)
    done, remaining = split_done(lake, jobs)
    assert (done, remaining) == (found, [])


def dead_workers_are_replaced(session: RaySession, lake: Lake) -> None:
    jobs = [BucketJob("die", bucket, "f", die_once) for bucket in range(2)]
    assert {bucket: m.counts["bucket"] for bucket, m in session.run(lake, jobs, lambda _: None).items()} == {0: 0, 1: 1}


def a_workers_error_is_its_one_line(session: RaySession, lake: Lake) -> None:
    with pytest.raises(KithError, match=r"^users.parquet: is no such thing$"):
        session.run(lake, [BucketJob("refuse", 0, "f", refuse)], lambda _: None)
