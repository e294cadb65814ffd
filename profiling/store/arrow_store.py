"""The embedded profile store: a folder of memory-mapped Arrow files that all processes of a host share.

store.json                              format: fixed when the store is made
head.json                               the pointer and the ledger's version: the one file that changes
generations/<number>.json               records
segments/<number>/<bucket>.arrow        rows, written once
forgotten/<version>.arrow               the ledger: user_id, hidden_at, sorted
lock                                    held by whoever changes head or records
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.errors import StoreError
from profiling.hashing import splitmix64
from profiling.small_files import create_exclusively, flush_folder
from profiling.small_files import replace as replace_file
from profiling.store.arrow_erasure import erase
from profiling.store.arrow_files import BucketFile, stated_counts, write_bucket
from profiling.store.arrow_ledger import read_ledger, write_ledger
from profiling.store.erasure import StoreErasure
from profiling.store.interface import ProfileStore, Snapshot
from profiling.store.records import FORGOTTEN, READY, UNKNOWN, Counts, Head, StoredGeneration, StoredProfile
from profiling.store.rows import stored_schema

FORMAT = 1
STRAY_S = 86_400.0  # seconds after which a half-written file belongs to nobody who still lives


class ArrowStore(ProfileStore):
    """A profile store in a folder of a local (or mounted) disk."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        self.name = f"arrow://{self.folder}"
        self._head = (b"", Head())  # the file as it was read last, and what it says
        self._ledger: tuple[int, npt.NDArray[np.int64]] = (0, np.zeros(0, np.int64))
        try:
            about = json.loads((self.folder / "store.json").read_bytes())
        except FileNotFoundError:
            raise StoreError(
                f"{self.folder}: is no profile store (store.json is missing); make one with kith store create"
            ) from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.folder}/store.json: cannot be read ({error}); publish into a new store") from None
        if about.get("format") != FORMAT:
            raise StoreError(f"{self.folder}: was written by another version of Kith; publish into a new store")

    @classmethod
    def create(cls, folder: str | Path) -> ArrowStore:
        """Make a store, or open it when it is there."""
        path = Path(folder).absolute()
        try:
            if not (path / "store.json").exists() and path.is_dir() and any(path.iterdir()):
                raise StoreError(f"{path}: is not empty and is no profile store; name an empty or new folder")
            create_exclusively(path / "store.json", json.dumps({"format": FORMAT, "created": time.time()}).encode())
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror}); choose another folder") from None
        return cls(path)

    # --- reading -------------------------------------------------------------------------------------------------
    def generations(self) -> list[StoredGeneration]:
        """All generations ever begun, oldest first."""
        paths = sorted((self.folder / "generations").glob("[0-9]*.json"))
        return [StoredGeneration.from_json(json.loads(path.read_bytes())) for path in paths]

    def find(self, number: int) -> StoredGeneration:
        """The generation with this number."""
        try:
            return StoredGeneration.from_json(json.loads(self._record(number).read_bytes()))
        except FileNotFoundError:
            return super().find(number)

    def head(self) -> Head:
        """The pointer and the ledger's version as they are now."""
        try:
            with (self.folder / "head.json").open("rb", buffering=0) as file:
                raw = file.read()
        except FileNotFoundError:
            return Head()
        known, head = self._head
        if raw != known:
            head = Head(**json.loads(raw))
            self._head = raw, head
        return head

    def pin(self, generation: StoredGeneration) -> Snapshot:
        """A snapshot of any generation that is ready, active or not."""
        if generation.state != READY:
            raise StoreError(f"{self.name}: generation {generation.id} is {generation.state}; publish it again")
        last = {}
        if isinstance(self._last, ArrowSnapshot) and self._last.erased == self.head().erased:
            last = self._last.segments
        return ArrowSnapshot(self, generation, last)

    def forgotten(self) -> npt.NDArray[np.int64]:
        """Ids of the ledger, sorted; a view of its file."""
        version = self.head().ledger
        known, ids = self._ledger
        while version != known:
            found = read_ledger(self.folder / "forgotten", version)
            if found is None:  # a newer one took its place in between
                version = self.head().ledger
                continue
            self._ledger = known, ids = version, found
        return ids

    # --- writing -------------------------------------------------------------------------------------------------
    def write(self, generation: StoredGeneration, bucket: int, rows: pa.Table) -> Counts:
        """Write one bucket of the generation's own segment; twice is once, and the first one stays."""
        if rows.schema.remove_metadata() != stored_schema(generation.dim):
            raise StoreError(
                f"{self.name}: rows of generation {generation.id} are of another model; nothing was written"
            )
        return write_bucket(self.bucket_path(generation.number, bucket), rows)

    def written(self, generation: StoredGeneration) -> dict[int, Counts]:
        """What was written of its own segment, by bucket: complete buckets only."""
        paths = sorted(self.bucket_path(generation.number, 0).parent.glob("[0-9]*.arrow"))
        return {int(path.stem): stated_counts(path) for path in paths}

    def count(self, generation: StoredGeneration) -> Counts:
        """Users and rows of its own segment, counted where they lie, not remembered."""
        number = generation.number
        parts = (BucketFile(self.bucket_path(number, bucket), number) for bucket in range(generation.buckets))
        return sum((part.count() for part in parts), Counts())

    def read(self, generation: StoredGeneration) -> Iterator[pa.Table]:
        """Rows of its own segment, bucket by bucket."""
        for bucket in range(generation.buckets):
            yield BucketFile(
                self.bucket_path(generation.number, bucket), generation.number
            ).rows.replace_schema_metadata()

    def forget(self, users: Iterable[int]) -> None:
        """Hide users from every read, in all generations there are and will be; returns once that holds."""
        wanted = np.unique(np.fromiter(users, np.int64))
        with self._locked():
            head = self.head()
            with self._writable():
                write_ledger(self.folder / "forgotten", head.ledger, wanted)
                self._write_head(replace(head, ledger=head.ledger + 1))
        for path in (self.folder / "forgotten").glob("[0-9]*.arrow"):
            if int(path.stem) <= head.ledger:
                path.unlink(missing_ok=True)

    def erase(self, users: Iterable[int]) -> StoreErasure:
        """Remove every row of users who were forgotten before; readers open the files anew with their next snapshot."""
        with self._writable():
            return erase(self, np.unique(np.fromiter(users, np.int64)))

    def open_anew(self) -> None:
        """Have every reader's next snapshot open its files again."""
        with self._locked():
            head = self.head()
            self._write_head(replace(head, erased=head.erased + 1))

    def close(self) -> None:
        """Let go of all files."""
        self._last = None

    def bucket_path(self, segment: int, bucket: int) -> Path:
        """Where the rows of a segment's bucket stand."""
        return self.folder / "segments" / f"{segment:08d}" / f"{bucket:06d}.arrow"

    def _reserve(self, record: StoredGeneration) -> bool:
        path = self._record(record.number)
        with self._writable():
            made = create_exclusively(path, json.dumps(record.to_json()).encode())
            flush_folder(path.parent)  # a number that a power cut took back would find another generation's files
            return made

    def _prepare(self, record: StoredGeneration) -> None:
        with self._writable():
            self.bucket_path(record.number, 0).parent.mkdir(parents=True, exist_ok=True)

    def _update(self, record: StoredGeneration, was: str) -> bool:
        with self._locked():
            if self.find(record.number).state != was:
                return False
            with self._writable():
                replace_file(self._record(record.number), json.dumps(record.to_json()).encode(), durable=True)
            return True

    def _swap(self, expected: int | None, record: StoredGeneration) -> bool:
        with self._locked():
            head = self.head()
            if head.active != expected or self.find(record.number).state != READY:
                return False
            with self._writable():
                replace_file(self._record(record.number), json.dumps(record.to_json()).encode(), durable=True)
                self._write_head(replace(head, active=record.number, since=time.time()))
            return True

    def _write_head(self, head: Head) -> None:
        replace_file(self.folder / "head.json", json.dumps(asdict(head)).encode(), durable=True)

    def _remove(self, bases: set[int], deltas: set[int]) -> None:
        for number in bases | deltas:
            shutil.rmtree(self.bucket_path(number, 0).parent, ignore_errors=True)
        for stray in (self.folder / "segments").glob("*/.*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - stray.stat().st_mtime > STRAY_S:
                    stray.unlink()

    def _record(self, number: int) -> Path:
        return self.folder / "generations" / f"{number:08d}.json"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Take turns with other writers of this host; the kernel ends the turn of one that dies."""
        with self._writable(), (self.folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written ({error.strerror}); free space and run again") from None


class ArrowSnapshot(Snapshot):
    """A pinned generation of an embedded store; its files stay readable even after they were dropped."""

    def __init__(self, store: ArrowStore, generation: StoredGeneration, last: dict[int, list[BucketFile]]) -> None:
        super().__init__(generation)
        self._store = store
        self.segments = {number: last.get(number) or self._open(number) for number in generation.segments}
        self._newest_first = [self.segments[number] for number in reversed(generation.segments)]
        self._empty = np.zeros((0, generation.dim), np.float16)

    def get_many(self, users: Sequence[int]) -> list[StoredProfile]:
        """What the generation holds for each user, in the order asked; vectors are views of the store's files."""
        ledger = self._store.forgotten()
        hashes = splitmix64(np.asarray(users, np.int64)).tolist()
        return [self._get(user, mixed, ledger) for user, mixed in zip(users, hashes, strict=True)]

    def _get(self, user: int, mixed: int, ledger: npt.NDArray[np.int64]) -> StoredProfile:
        if len(ledger):
            place = bisect_left(ledger, user)
            if place < len(ledger) and ledger[place] == user:
                return StoredProfile(user, FORGOTTEN, self._empty)
        for buckets in self._newest_first:
            found = buckets[mixed & (len(buckets) - 1)].find(user)
            if found is not None:
                return found
        return StoredProfile(user, UNKNOWN, self._empty)

    def _open(self, number: int) -> list[BucketFile]:
        buckets = self._store.find(number).buckets
        return [BucketFile(self._store.bucket_path(number, bucket), number) for bucket in range(buckets)]
