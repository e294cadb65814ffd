"""The lake: one folder of immutable Parquet files, and the only place that knows how a result becomes valid.

A stage's result for a bucket is a handful of files with the attempt in their names, and one small *manifest* that
lists them. The manifest's path is made of the stage, the bucket and the *fingerprint* of everything the result depends
on; creating it is exclusive, so of two writers exactly one wins and the other deletes its files. A file that no
manifest names does not exist for anybody and is swept by the next writer. Nothing is ever changed or renamed, but by
the erasure of people whom nobody could see in it any more (erasing.py).

    lake.json                                        format, hash, buckets: fixed when the lake is made
    lock/<epoch>.json                                who writes (lock.py)
    heartbeats/<job>                                 who follows a job from elsewhere (heartbeat.py)
    data/<stage>/<bucket>/<table>-<attempt>.parquet
    manifests/<stage>/<bucket>/<fingerprint>.json
    rows/<name>-<fingerprint>.npy                    fixed-width rows of the whole population (rows.py)
    artefacts/<kind>/<id>.json                       what was fitted (name tables, …)
    forgotten/<number>.json                          who asked to be forgotten (ledger.py, hiding.py)
    erasures/<number>.json                           receipts (receipts.py)
    reports/<name>.json                              whom a report shows (shown.py)
    generations/<id>.json  quarantine/<table>.parquet  runs/  scratch/
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from profiling.errors import LakeError, LakeMissingError
from profiling.hashing import splitmix64
from profiling.object_paths import ObjectPath
from profiling.places import Place, by_name, name_below, open_place
from profiling.small_files import create_exclusively, replace, write_new
from ray_tasks.heartbeat import FOLDER as HEARTBEATS
from ray_tasks.hiding import Hiding, read_raw

FORMAT = 1
HASH = "splitmix64"
SMALL_POPULATION_BUCKETS = 16  # DESIGN: 16 for small populations; 128 to 512 MB of faces a bucket for large ones
MAX_BUCKETS = 1 << 20


def fingerprint(**parts: Any) -> str:
    """32 hex digits of everything a result depends on; equal parts, in any order of keywords, give equal digits."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """A committed result: what `stage` made of `bucket` for `fingerprint`, and in which files."""

    stage: str
    bucket: int
    fingerprint: str
    attempt: str
    epoch: int
    created: float
    files: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)


class Lake:
    """A lake on a disk or, by a URL such as `s3://bucket/lake`, in an object store with conditional puts."""

    def __init__(self, folder: Place, buckets: int, epoch: int | None = None) -> None:
        self.folder, self.buckets, self.epoch = folder, buckets, epoch
        self.hiding = Hiding(self)

    @classmethod
    def create(cls, folder: str | Place, buckets: int | None = None) -> Self:
        """Make a lake, or open it when it is there (`buckets`, where given, must then agree).

        Raises
        ------
        LakeError
            The folder holds something else, cannot be written, or was made with another number of buckets.
        """
        path = open_place(folder)
        wanted = SMALL_POPULATION_BUCKETS if buckets is None else buckets
        if wanted < 1 or wanted > MAX_BUCKETS or wanted & (wanted - 1):
            raise LakeError(f"--buckets {wanted}: give a power of two from 1 to {MAX_BUCKETS}")
        try:
            if not (path / "lake.json").exists() and path.is_dir() and any(path.iterdir()):
                raise LakeError(f"{path}: is not empty and is no lake; name an empty or new folder with --lake")
            about = {"format": FORMAT, "hash": HASH, "buckets": wanted, "created": time.time()}
            if isinstance(path, ObjectPath) and not (path / f".probe-{secrets.token_hex(8)}").keeps_the_first():
                raise LakeError(f"{path}: this store ignores If-None-Match, so commits are not safe; use another")
            create_exclusively(path / "lake.json", json.dumps(about).encode())
            (path / HEARTBEATS).mkdir(exist_ok=True)
        except OSError as error:
            raise LakeError(
                f"{path}: cannot be written ({error.strerror}); choose another folder with --lake"
            ) from None
        lake = cls.open(path)
        if buckets is not None and lake.buckets != buckets:
            raise LakeError(
                f"{path}: has {lake.buckets} buckets, not {buckets}; leave --buckets out or name a new lake"
            )
        return lake

    @classmethod
    def open(cls, folder: str | Place, epoch: int | None = None) -> Self:
        """Open an existing lake; `epoch` is the writer's, None for readers."""
        path = open_place(folder)
        try:
            about = json.loads((path / "lake.json").read_text())
        except FileNotFoundError:
            raise LakeMissingError(f"{path}: is no lake (lake.json is missing); make one with kith build") from None
        except (OSError, ValueError) as error:
            raise LakeError(f"{path}/lake.json: cannot be read ({error}); restore it or make a new lake") from None
        if about.get("format") != FORMAT or about.get("hash") != HASH:
            what = about.get("format")
            raise LakeError(f"{path}: was written by another version of Kith (format {what}); use that one")
        return cls(path, int(about["buckets"]), epoch)

    def bucket_of(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The bucket of each id: the low bits of its hash, so that doubling the buckets splits each in two."""
        return (splitmix64(ids) & np.uint64(self.buckets - 1)).astype(np.int32)

    # --- committed results ---------------------------------------------------------------------------------------
    def find(self, stage: str, bucket: int, fingerprint: str) -> Manifest | None:
        """The committed result for exactly this fingerprint, or None."""
        try:
            return _read_manifest(self._manifest_path(stage, bucket, fingerprint))
        except FileNotFoundError:
            return None

    def results(self, stage: str, bucket: int) -> list[Manifest]:
        """All results of a stage for a bucket, whatever their fingerprint, oldest first."""
        folder = self._manifest_path(stage, bucket, "x").parent
        if not folder.is_dir():
            return []
        found = [_read_manifest(path) for path in folder.glob("*.json")]
        return sorted(found, key=lambda m: (m.created, m.fingerprint))

    def read(self, manifest: Manifest, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One table of a committed result, without the forgotten."""
        parts = self.hiding.read(manifest, table, columns)
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts)

    def attempt(self, stage: str, bucket: int, fingerprint: str) -> Attempt:
        """Begin to write a result; it counts from its `commit` on."""
        return Attempt(self, stage, bucket, fingerprint)

    def delete(self, manifest: Manifest) -> None:
        """Take a result away, the manifest first: files that nobody names are swept."""
        self._manifest_path(manifest.stage, manifest.bucket, manifest.fingerprint).unlink(missing_ok=True)
        for name in chain(*manifest.files.values()):
            (self.folder / name).unlink(missing_ok=True)

    # --- smaller things ------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for spills, gone afterwards (after a kill: with the next sweep, or as the system tidies up)."""
        if isinstance(self.folder, ObjectPath):
            with tempfile.TemporaryDirectory(prefix="kith-") as name:
                yield Path(name)
            return
        folder = self.folder / "scratch" / secrets.token_hex(6)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def write_quarantine(self, name: str, table: pa.Table) -> None:
        """Replace `quarantine/<name>.parquet`: the broken rows of the snapshot partitioned last, with their reasons."""
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        replace(self.folder / "quarantine" / f"{name}.parquet", buffer.getvalue())

    def write_note(self, path: str, value: Mapping[str, Any]) -> None:
        """Replace a small JSON file of this lake (progress of a run, and the like)."""
        replace(self.folder / path, json.dumps(value).encode())

    def add_once(self, path: str, value: Mapping[str, Any]) -> bool:
        """Create a small JSON file that never changes (a generation, an artefact); False when it is there."""
        self.check_epoch()
        return create_exclusively(self.folder / path, json.dumps(value, ensure_ascii=False).encode())

    def notes(self, folder: str) -> list[dict[str, Any]]:
        """All JSON files of a folder of this lake, by name."""
        return [json.loads(path.read_text()) for path in by_name((self.folder / folder).glob("*.json"))]

    def sweep(self) -> int:
        """Delete what no manifest names: leftovers of killed writers. Only the lock's holder may call it."""
        self.check_epoch()
        manifests = (_read_manifest(path) for path in (self.folder / "manifests").glob("*/*/*.json"))
        named = {name for manifest in manifests for name in chain(*manifest.files.values())}
        files = (path for path in (self.folder / "data").rglob("*") if path.is_file())
        strays = [path for path in files if name_below(path, self.folder) not in named]
        strays += (self.folder / "manifests").rglob(".*.json.*")
        strays += (self.folder / "rows").glob(".*")
        for path in strays:
            path.unlink(missing_ok=True)
        if isinstance(self.folder, Path):
            shutil.rmtree(self.folder / "scratch", ignore_errors=True)
        return len(strays)

    def check_epoch(self) -> None:
        """Refuse to go on when another writer has taken the lake over since this one got its epoch."""
        if self.epoch is None:
            return
        newest = max((int(path.stem) for path in (self.folder / "lock").glob("[0-9]*.json")), default=0)
        if newest > self.epoch:
            raise LakeError(f"{self.folder}: another writer took over this lake; run the command again when it is done")

    def _manifest_path(self, stage: str, bucket: int, fingerprint: str) -> Place:
        return self.folder / "manifests" / stage / f"{bucket:06d}" / f"{fingerprint}.json"


class Attempt:
    """Files on their way to becoming a result; leaving the block without a commit deletes them."""

    def __init__(self, lake: Lake, stage: str, bucket: int, fingerprint: str) -> None:
        self._lake, self._stage, self._bucket, self._fingerprint = lake, stage, bucket, fingerprint
        self._name = f"{fingerprint[:12]}-{secrets.token_hex(6)}"
        self._files: dict[str, list[str]] = {}
        self._hiding = Hiding(lake)
        self._settled = False

    def write(self, table_name: str, table: pa.Table) -> None:
        """Write one table without the forgotten; a second call with the same name adds a second file."""
        table = self._hiding.hide(self._stage, self._bucket, table_name, table)
        files = self._files.setdefault(table_name, [])
        name = f"data/{self._stage}/{self._bucket:06d}/{table_name}-{self._name}-{len(files)}.parquet"
        path = self._lake.folder / name
        files.append(name)
        try:
            write_new(path, lambda file: pq.write_table(table, file, compression="zstd", write_statistics=False))
        except OSError as error:
            self.discard()
            raise LakeError(f"{path.parent}: cannot be written ({error.strerror}); free space and run again") from None

    def commit(self, counts: Mapping[str, Any] | None = None) -> Manifest:
        """Make the result valid, or, when another writer was first, delete these files and return the other's result.

        Raises
        ------
        LakeError
            A later writer holds the lake: nothing was committed.
        """
        try:
            self._lake.check_epoch()
        except LakeError:
            self.discard()
            raise
        if self._hiding.look_again():  # somebody was forgotten meanwhile
            self._write_again()
        what = (self._stage, self._bucket, self._fingerprint)
        epoch = self._lake.epoch or 0
        manifest = Manifest(*what, self._name, epoch, time.time(), self._files, dict(counts or {}))
        path = self._lake._manifest_path(*what)
        won = create_exclusively(path, json.dumps(asdict(manifest), allow_nan=False).encode())
        if not won:
            self.discard()
            return _read_manifest(path)
        self._settled = True
        return manifest

    def _write_again(self) -> None:
        written, self._files = self._files, {}
        self._name = f"{self._fingerprint[:12]}-{secrets.token_hex(6)}"
        for table_name, names in written.items():
            for name in names:
                self.write(table_name, read_raw(self._lake.folder / name))
                (self._lake.folder / name).unlink()

    def discard(self) -> None:
        """Delete the files written so far."""
        for name in chain(*self._files.values()):
            (self._lake.folder / name).unlink(missing_ok=True)
        self._settled = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if not self._settled:
            self.discard()


def _read_manifest(path: Place) -> Manifest:
    return Manifest(**json.loads(path.read_text()))
