"""Objects of a store such as S3, spoken of as files are: the part of `pathlib.Path` that a lake needs.

There are no folders and nothing is renamed or appended to; what makes a commit safe is the one thing that such stores
promise beyond that: a put with `If-None-Match: *` succeeds for one writer only.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import functools
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

SCHEMES = ("s3", "gs", "az")  # obstore's stores with conditional puts; only S3's is tested here
LARGEST_PUT = 1 << 30  # bytes sent in one conditional request, which S3 limits to 5 GiB; larger files go in parts


@dataclass(frozen=True)
class ObjectStat:
    """Size in bytes, and when it was written, in seconds since 1970."""

    st_size: int
    st_mtime: float


@functools.total_ordering
class ObjectPath:
    """One object, or the prefix of several, as `s3://bucket/key`.

    Keys, endpoint and region come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
    `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`), from the machine's role, or wherever else obstore looks; never from a URL.
    What the store refuses is an `OSError`, as on a disk.
    """

    def __init__(self, root: str, key: PurePosixPath) -> None:
        self._root, self._key = root, key

    @classmethod
    def parse(cls, url: str) -> ObjectPath:
        """The path of `scheme://bucket/key`."""
        scheme, _, rest = url.partition("://")
        bucket, _, key = rest.partition("/")
        return cls(f"{scheme}://{bucket}", PurePosixPath(key))

    # --- names -----------------------------------------------------------------------------------------------------
    def __truediv__(self, more: str | PurePosixPath) -> ObjectPath:
        return ObjectPath(self._root, self._key / more)

    def __str__(self) -> str:
        return self._root if self._key == PurePosixPath() else f"{self._root}/{self._key}"

    def __repr__(self) -> str:
        return f"ObjectPath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectPath) and str(self) == str(other)

    def __lt__(self, other: ObjectPath) -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def name(self) -> str:
        """The last part."""
        return self._key.name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return self._key.stem

    @property
    def parent(self) -> ObjectPath:
        """All but the last part."""
        return ObjectPath(self._root, self._key.parent)

    def with_suffix(self, suffix: str) -> ObjectPath:
        """The same with another suffix."""
        return ObjectPath(self._root, self._key.with_suffix(suffix))

    def relative_to(self, other: ObjectPath) -> PurePosixPath:
        """The parts below `other`."""
        return self._key.relative_to(other._key)

    # --- looking ---------------------------------------------------------------------------------------------------
    def exists(self) -> bool:
        """Whether there is an object of this name, or one below it."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether there is an object of this name."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Whether there is an object below this name."""
        return next(iter(self._below(1)), None) is not None

    def stat(self) -> ObjectStat:
        """Size and time."""
        with _os_errors(self):
            about = _obstore().head(self._store, str(self._key))
        return ObjectStat(about["size"], about["last_modified"].timestamp())

    def iterdir(self) -> Iterator[ObjectPath]:
        """What lies directly below, by name."""
        with _os_errors(self):
            found = _obstore().list_with_delimiter(self._store, _prefix(self._key))
        names = [*found["common_prefixes"], *(each["path"] for each in found["objects"])]
        yield from sorted(ObjectPath(self._root, PurePosixPath(name)) for name in names)

    def glob(self, pattern: str) -> Iterator[ObjectPath]:
        """What fits a pattern of names; one with several parts finds objects only."""
        parts = pattern.split("/")
        if len(parts) == 1:
            yield from (path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))
            return
        for path in self._below():
            names = path.relative_to(self).parts
            if len(names) == len(parts) and all(map(fnmatch.fnmatchcase, names, parts)):
                yield path

    def rglob(self, pattern: str) -> Iterator[ObjectPath]:
        """Objects at any depth whose name fits."""
        yield from (path for path in self._below() if fnmatch.fnmatchcase(path.name, pattern))

    # --- reading and writing ---------------------------------------------------------------------------------------
    def read_bytes(self) -> bytes:
        """The whole object."""
        with _os_errors(self):
            return bytes(_obstore().get(self._store, str(self._key)).bytes())

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text."""
        return self.read_bytes().decode(encoding)

    def read_range(self, start: int, length: int) -> bytes:
        """Some bytes of the object; both ends lie in it."""
        with _os_errors(self):
            return bytes(_obstore().get_range(self._store, str(self._key), start=start, length=length))

    def reader(self) -> BinaryIO:
        """A file that asks the store for what is read of it, one request a read."""
        return cast(BinaryIO, _Reader(self))

    def download(self, file: BinaryIO) -> None:
        """Copy the object into an open file, piece by piece."""
        with _os_errors(self):
            for piece in _obstore().get(self._store, str(self._key)).stream():
                file.write(piece)

    def write(self, data: bytes) -> None:
        """Replace the object; readers see the old one or the new one, whole."""
        with _os_errors(self):
            _obstore().put(self._store, str(self._key), data)

    def create(self, data: bytes) -> bool:
        """Create the object unless there is one (`If-None-Match: *`); False when another writer's is there.

        A put whose answer was lost is sent again and then meets its own object: equal bytes are this writer's.
        """
        exists = _obstore().exceptions.AlreadyExistsError
        try:
            with _os_errors(self, exists):
                _obstore().put(self._store, str(self._key), data, mode="create", use_multipart=False)
        except exists:
            return self.read_bytes() == data
        return True

    def create_from(self, write: Callable[[BinaryIO], object]) -> bool:
        """The same with what `write` puts into a file; beyond `LARGEST_PUT` names must tell contents.

        Larger ones go in parts without a condition: of writers at the same time, who write the same bytes under such
        a name, the last one stays.
        """
        with tempfile.TemporaryFile() as file:
            write(file)
            size = file.tell()
            file.seek(0)
            if size <= LARGEST_PUT:
                return self.create(file.read())
            if self.is_file():
                return False
            with _os_errors(self):
                _obstore().put(self._store, str(self._key), file, use_multipart=True)
            return True

    def keeps_the_first(self) -> bool:
        """Whether the store refuses a second object of one name when it is asked to; this name is used and freed."""
        try:
            return self.create(b"first") and not self.create(b"second")
        finally:
            self.unlink()

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object; one that is not there is no error, as the store does not tell."""
        with contextlib.suppress(FileNotFoundError), _os_errors(self):
            _obstore().delete(self._store, str(self._key))

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """There are no folders; an object under this name shows that somebody expects it."""
        (self / ".keep").create(b"")

    @property
    def _store(self) -> Any:
        return _open_store(self._root)

    def _below(self, at_most: int | None = None) -> Iterator[ObjectPath]:
        with _os_errors(self):
            size = 1000 if at_most is None else at_most
            for page in _obstore().list(self._store, _prefix(self._key), chunk_size=size):
                yield from (ObjectPath(self._root, PurePosixPath(each["path"])) for each in page)


class _Reader(io.RawIOBase):
    """An object as a file for reading."""

    def __init__(self, path: ObjectPath) -> None:
        self._path, self._size, self._at = path, path.stat().st_size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._at))
        if count:
            buffer[:count] = self._path.read_range(self._at, count)
            self._at += count
        return count


def _prefix(key: PurePosixPath) -> str | None:
    return None if key == PurePosixPath() else str(key)


def _obstore() -> Any:
    try:
        import obstore
        import obstore.exceptions
    except ImportError:
        raise OSError(errno.ENOPKG, "object storage needs a package: pip install 'kith-profiles[s3]'") from None
    return obstore


@functools.cache
def _open_store(root: str) -> Any:
    _obstore()
    from obstore.store import from_url

    return from_url(root)


@contextlib.contextmanager
def _os_errors(path: ObjectPath, *passed: type[BaseException]) -> Iterator[None]:
    """Turn what obstore raises into errors of the operating system; texts that may name keys are left out."""
    try:
        yield
    except Exception as error:
        if isinstance(error, (OSError, *passed)) or not isinstance(error, _obstore().exceptions.BaseError):
            raise
        kind = type(error).__name__
        raise OSError(errno.EIO, f"the object store refused: {kind}", str(path)) from None
