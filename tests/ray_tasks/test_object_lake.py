"""A lake in an object store: the same names, the same winners and, bit for bit, the same generation as on a disk."""

from __future__ import annotations

import io
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from profiling.errors import LakeError
from profiling.object_paths import ObjectPath
from profiling.places import Place, local_copy, name_below, open_place
from profiling.small_files import create_exclusively, replace, write_new
from ray_tasks.erasing import rewrite_table
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.lock import current_holder
from tests.conftest import BUCKETS, Built
from tests.object_server import new_bucket, run_server, settings_for
from tests.ray_tasks.test_kills import assert_equal, bits

pytestmark = pytest.mark.slow

PATIENCE_S = 400  # for a build of a few dozen photos, each small file a request to a server in Python
WRITERS = 2
RACES = 40
FILES = ("a/one.json", "a/two.json", "a/b/three.json", "a/b/.four.json", "a/embed-1/5/six.json", "a/7.json", "c")
PATTERNS = ("*", "*.json", "embed-*", "[0-9]*.json", "embed-*/*/*.json", ".*", "*/*.json")


def files(place: Place) -> Place:
    for name in FILES:
        assert create_exclusively(place / name, name.encode())
    return place


def test_objects_are_found_by_the_names_that_files_have(tmp_path: Path, bucket: str) -> None:
    here, there = files(tmp_path), files(open_place(f"{bucket}/x"))
    for pattern in PATTERNS:
        for below in ("", "a", "a/b", "nothing"):
            found = sorted(name_below(path, there) for path in (there / below).glob(pattern))
            assert found == sorted(name_below(path, here) for path in (here / below).glob(pattern)), (pattern, below)
    listed = {name_below(path, there) for path in (there / "a").iterdir()}
    assert listed == {name_below(path, here) for path in (here / "a").iterdir()}
    deep = {name_below(path, there) for path in there.rglob("*") if path.is_file()}
    assert deep == set(FILES)
    for name in ("a", "a/b", "a/one.json", "a/on", "nothing", "c"):
        one, other = here / name, there / name
        assert (one.exists(), one.is_dir(), one.is_file()) == (other.exists(), other.is_dir(), other.is_file()), name
        assert (one.name, one.stem) == (other.name, other.stem)


def test_reading_and_replacing(bucket: str) -> None:
    place = open_place(bucket) / "a" / "b.json"
    with pytest.raises(FileNotFoundError):
        place.read_text()
    with pytest.raises(FileNotFoundError):
        place.stat()
    place.unlink(missing_ok=True)
    replace(place, b"one")
    replace(place, b"three")
    assert (place.read_text(), place.stat().st_size) == ("three", 5)
    with pytest.raises(FileExistsError):
        write_new(place, lambda file: file.write(b"four"))
    assert not create_exclusively(place, b"four")
    assert create_exclusively(place, b"three")  # its own put, sent again because the answer was lost
    assert place.read_bytes() == b"three"
    copy = local_copy(place)
    assert copy.read_bytes() == b"three"
    assert copy.stat().st_mode & 0o077 == 0 or copy.parent.stat().st_mode & 0o077 == 0
    place.unlink()
    assert not place.exists()
    assert local_copy(place) == copy


def test_a_large_file_goes_in_parts_and_the_first_stays(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiling.object_paths.LARGEST_PUT", 1 << 20)
    place = open_place(f"{bucket}/rows.npy")
    assert isinstance(place, ObjectPath)
    content = os.urandom((12 << 20) + 7)
    assert place.create_from(lambda file: file.write(content))
    assert not place.create_from(lambda file: file.write(b"x" * (2 << 20)))
    assert place.read_bytes() == content
    copied = io.BytesIO()
    place.download(copied)
    assert copied.getvalue() == content


def _race(folder: str, writer: int, gate: multiprocessing.synchronize.Barrier, won: multiprocessing.Queue[int]) -> None:
    place = open_place(folder)
    for number in range(RACES):
        gate.wait()
        if create_exclusively(place / f"{number}.json", f"writer {writer}".encode()):
            won.put(number)


def test_of_two_writers_exactly_one_creates_each_object(bucket: str) -> None:
    context = multiprocessing.get_context("spawn")
    gate, won = context.Barrier(WRITERS), context.Queue()
    writers = [context.Process(target=_race, args=(bucket, k, gate, won)) for k in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    assert sorted(won.get(timeout=10) for _ in range(RACES)) == list(range(RACES))
    assert won.empty()


def test_a_store_that_ignores_conditions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_server("forgetful") as url:
        for name, value in settings_for(url).items():
            monkeypatch.setenv(name, value)
        folder = f"{new_bucket(url)}/lake"
        with pytest.raises(LakeError, match="ignores If-None-Match"):
            Lake.create(folder, 4)
        assert not open_place(folder).exists()


def test_a_bucket_that_is_not_there_or_a_server_that_is_away_is_one_line(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LakeError, match=r"s3://no-such-bucket/lake: is no lake"):
        Lake.open("s3://no-such-bucket/lake")
    with pytest.raises(LakeError, match="cannot be written"):
        Lake.create("s3://no-such-bucket/lake")


def test_an_erasure_writes_tables_anew_under_their_names(bucket: str) -> None:
    lake = Lake.create(f"{bucket}/lake", 2)
    rows = pa.table({"user_id": pa.array([1, 2, 3], pa.int64()), "value": [4, 5, 6]})
    with lake.attempt("stage", 0, "f") as attempt:
        attempt.write("t", rows)
        manifest = attempt.commit()
    (name,) = manifest.files["t"]
    rewrite_table(lake.folder / name, rows.slice(1))
    assert Lake.open(lake.folder).read(manifest, "t").equals(rows.slice(1))
    assert lake.read(manifest, "t", ["value"])["value"].to_pylist() == [5, 6]


def kith(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ray_tasks", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def test_a_build_in_an_object_store_is_the_one_on_a_disk_bit_for_bit(built: Built, bucket: str) -> None:
    folder = f"{bucket}/lakes/first"
    given = ["--settings", built.settings, "--cpus", "2", "--buckets", str(BUCKETS), "--json"]
    done = kith("build", built.population, "--lake", folder, *given)
    assert done.returncode == 0, done.stderr[-3000:]
    here, there = Lake.open(built.lake), Lake.open(folder)
    one, other = find_generation(here), find_generation(there)
    assert (one.id, one.stages, one.artefacts) == (other.id, other.stages, other.artefacts)
    assert_equal(there.folder, built.lake)
    for bucket_number, manifest in one.manifests(here, one.last_round).items():
        mine, theirs = manifest, other.manifest(there, one.last_round, bucket_number)
        assert bits(here.read(mine, "profiles")) == bits(there.read(theirs, "profiles"))
        columns = ["user_id", "reason"]
        assert here.read(mine, "profiles", columns).equals(there.read(theirs, "profiles", columns))
    assert current_holder(there) == (1, None)
    objects = {name_below(path, there.folder).split("/")[0] for path in there.folder.rglob("*")}
    assert "scratch" not in objects
    again = kith("build", built.population, "--lake", folder, *given)
    assert again.returncode == 0, again.stderr[-3000:]
    assert [each.id for each in [find_generation(there)]] == [one.id]
    assert "written by" not in kith("status", folder).stdout
