"""A photo's URI -> the place of its bytes -> the bytes, or a reason.

A URI is relative to the population folder, absolute, or an fsspec URL (`s3://bucket/key`). A relative one may not
leave the folder, neither by `..` nor through a symbolic link: whoever writes `photos.parquet` decides with absolute
URIs what else is read, and a `..` is a mistake or an attack. Only regular files are opened, so that a pipe or a
device in an album cannot hang or harm a decoder.
"""

from __future__ import annotations

import errno
import os
import re
import stat

import fsspec
from fsspec.core import url_to_fs

from profiling.object_urls import read_object_urls
from profiling.refusals import PhotoRefused
from profiling.settings import DecodingSettings

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]*)://")
_LOCAL_SCHEMES = ("file", "local")
_SEPARATORS = re.compile(r"[/\\]+")  # a backslash counts as one: the same population may be read on another system
_TOO_ODD = (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)  # no file can lie at such a place


def resolve_uri(uri: str, folder: str) -> str:
    """The absolute path or fsspec URL of a photo.

    Parameters
    ----------
    uri : as in `photos.uri`: relative to `folder`, absolute, or an fsspec URL; nothing in it is percent-decoded.
    folder : the population folder: a path, or an fsspec URL itself.

    Raises
    ------
    PhotoRefused
        "bad_uri" where it is empty, malformed or climbs out of the folder; "no_driver" where fsspec lacks the package
        that reads such a URL.
    """
    if not uri or "\0" in uri:
        raise PhotoRefused("bad_uri", "The URI is empty or holds a NUL byte.")
    if uri.startswith("/"):
        return uri
    if "::" in uri and "://" in uri:
        raise PhotoRefused("bad_uri", "Chained URLs (a::b://…) are not read.")
    scheme = _SCHEME.match(uri)
    if scheme is not None:
        return _resolve_url(uri, scheme.group(1).lower())
    return _resolve_relative(uri, folder)


def read_photo(uri: str, folder: str, settings: DecodingSettings) -> bytes:
    """The bytes of a photo, at most `settings.max_bytes`.

    Raises
    ------
    PhotoRefused
        "bad_uri", "no_driver", "missing", "unreadable" or "too_large".
    """
    place = resolve_uri(uri, folder)
    data = _read_url(place, settings.max_bytes) if _SCHEME.match(place) else _read_file(place, settings.max_bytes)
    if len(data) > settings.max_bytes:
        raise PhotoRefused("too_large", f"The file has more than {settings.max_bytes} bytes.")
    return data


def _resolve_url(url: str, scheme: str) -> str:
    if scheme in _LOCAL_SCHEMES:
        path = url[len(scheme) + 3 :]
        if not path.startswith("/"):
            raise PhotoRefused("bad_uri", f"A {scheme}:// URL needs an absolute path: {scheme}:///folder/photo.jpg.")
        return path
    read_object_urls()
    try:
        fsspec.get_filesystem_class(scheme)
    except ValueError:
        raise PhotoRefused("no_driver", f"fsspec knows no package that reads {scheme}:// URLs.") from None
    except ImportError as error:  # fsspec's own sentence names the package: "Install s3fs to access S3"
        raise PhotoRefused("no_driver", f"{scheme}:// URLs cannot be read: {error}.") from None
    return url


def _resolve_relative(uri: str, folder: str) -> str:
    depth = 0
    for part in _SEPARATORS.split(uri):
        depth += -1 if part == ".." else 1 if part not in ("", ".") else 0
        if depth < 0:
            raise PhotoRefused("bad_uri", "The relative URI climbs out of the population folder.")
    if _SCHEME.match(folder):
        return f"{folder.rstrip('/')}/{os.path.normpath(uri)}"
    root = os.path.realpath(folder)
    try:
        path = os.path.realpath(os.path.join(root, uri))
    except (OSError, ValueError):
        raise PhotoRefused("bad_uri", "The URI is no path that this system can hold.") from None
    if path != root and not path.startswith(root.rstrip("/") + "/"):
        raise PhotoRefused("bad_uri", "The relative URI leads out of the population folder through a link.")
    return path


def _read_file(path: str, max_bytes: int) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # before opening: opening a pipe waits, opening a device acts
            raise PhotoRefused("unreadable", "It is a directory, pipe, socket or device, not a regular file.")
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise PhotoRefused("unreadable", "It is not a regular file.")
            if status.st_size > max_bytes:
                raise PhotoRefused("too_large", f"The file has {status.st_size} bytes, more than {max_bytes}.")
            return file.read(
                (status.st_size or max_bytes) + 1
            )  # asks for that much memory; 0 = the system does not know
    except (FileNotFoundError, NotADirectoryError):
        raise PhotoRefused("missing", "There is no file at this place.") from None
    except OSError as error:
        if error.errno in _TOO_ODD:
            raise PhotoRefused("bad_uri", f"No file can have this path: {os.strerror(error.errno or 0)}.") from None
        raise PhotoRefused("unreadable", f"The file cannot be read: {os.strerror(error.errno or 0)}.") from None
    except ValueError:  # lone surrogates and the like: no bytes of any file name
        raise PhotoRefused("bad_uri", "The URI is no path that this system can hold.") from None


def _read_url(url: str, max_bytes: int) -> bytes:
    """One request for at most one byte more than allowed; an error of the driver gives its name, never its text."""
    read_object_urls()
    try:
        files, path = url_to_fs(url)
        data: bytes = files.cat_file(path, start=0, end=max_bytes + 1)
    except MemoryError:
        raise
    except FileNotFoundError:
        raise PhotoRefused("missing", "There is no object at this URL.") from None
    except Exception as error:  # each driver raises errors of its own, whose text may hold keys and host names
        raise PhotoRefused("unreadable", f"The storage refused: {type(error).__name__}.") from None
    return data
