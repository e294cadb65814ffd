"""One writer a lake, and no lake lost to a writer that died."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from profiling.errors import LakeLockedError
from profiling.small_files import replace as write
from ray_tasks.lake import Lake
from ray_tasks.lock import LEASE_S, Holder, WriterLock, current_holder

HOLD = """
import sys, time
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
with WriterLock(Lake.open(sys.argv[1]), "kith test"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lake(lake_folder: str) -> Lake:
    return Lake.create(lake_folder, 2)


def test_epochs_count_up_and_the_lock_is_given_back(lake: Lake) -> None:
    with WriterLock(lake, "first") as held:
        assert held.epoch == 1
    assert current_holder(lake) == (1, None)
    with WriterLock(lake, "second") as held:
        assert held.epoch == 2


def test_a_second_writer_is_refused_with_the_holders_name(lake: Lake) -> None:
    with WriterLock(lake, "kith build /p"), pytest.raises(LakeLockedError, match=r"kith build /p \(process \d+ on"):
        WriterLock(lake, "other").__enter__()
    with WriterLock(lake, "other"):
        pass


def test_a_killed_writer_is_followed_at_once(lake: Lake) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lake.folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(LakeLockedError, match=f"process {process.pid}"):
        WriterLock(lake, "other").__enter__()
    process.kill()
    process.wait()
    with WriterLock(lake, "other") as held:
        assert held.epoch == 2


def test_a_writer_elsewhere_counts_until_its_lease_ends(lake: Lake) -> None:
    with WriterLock(lake, "here"):
        path = lake.folder / "lock" / "0000000001.json"
        away = replace(Holder(**json.loads(path.read_text())), host="elsewhere pid:[1]")
    (lake.folder / "lock" / "0000000001.released").unlink()
    write(path, json.dumps(asdict(away)).encode())
    with pytest.raises(LakeLockedError, match="on elsewhere"):
        WriterLock(lake, "other").__enter__()
    write(path, json.dumps(asdict(replace(away, lease_until=time.time() - 1))).encode())
    with WriterLock(lake, "other") as held:
        assert held.epoch == 2
    assert LEASE_S > 0
