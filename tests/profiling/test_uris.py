"""URIs lead to regular files and objects, never out of the population folder by a relative one, and never hang."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.refusals import PhotoRefused
from profiling.settings import DecodingSettings
from profiling.uris import read_photo, resolve_uri

SETTINGS = DecodingSettings(max_bytes=2000)
ODD_NAMES = [
    "a b.jpg",
    "Фото 1.jpg",
    "写真.png",
    "صورة.jpg",
    "100%25.jpg",
    "x#y?z.jpg",
    "a\nb.jpg",
    "e\u0301.jpg",
    "-rf",
    "~",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A population folder beside a secret."""
    (tmp_path / "secret.txt").write_bytes(b"secret")
    inside = tmp_path / "population"
    (inside / "images").mkdir(parents=True)
    (inside / "images" / "a.jpg").write_bytes(b"photo")
    return inside


def refusal(uri: str, folder: Path) -> PhotoRefused:
    with pytest.raises(PhotoRefused) as caught:
        read_photo(uri, str(folder), SETTINGS)
    assert str(folder) not in caught.value.detail
    return caught.value


def test_reads_relative_absolute_and_file_urls(folder: Path) -> None:
    path = folder / "images" / "a.jpg"
    for uri in (
        "images/a.jpg",
        "./images//a.jpg",
        "images/../images/a.jpg",
        str(path),
        f"file://{path}",
        f"FILE://{path}",
    ):
        assert read_photo(uri, str(folder), SETTINGS) == b"photo"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_reads_names_in_any_script(folder: Path, name: str) -> None:
    (folder / name).write_bytes(name.encode())
    assert read_photo(name, str(folder), SETTINGS) == name.encode()
    assert read_photo(f"file://{folder}/{name}", "/nowhere", SETTINGS) == name.encode()


@pytest.mark.parametrize(
    "uri",
    [
        "../secret.txt",
        "../../etc/passwd",
        "images/../../secret.txt",
        "images/../../population/../secret.txt",
        "..",
        "..\\secret.txt",
        "images\\..\\..\\secret.txt",
        "images/..\\../secret.txt",
        "../population/images/a.jpg",  # it ends inside, but nothing that needs this is honest
        "",
        "\0",
        "images/a.jpg\0.png",
        "file://secret.txt",
        "file://../secret.txt",
        "local://secret.txt",
        "simplecache::file:///etc/passwd",
        "zip://a.jpg::file:///etc/passwd",
        "x" * 5000,
        "\ud800.jpg",
    ],
)
def test_refuses_uris_that_climb_out_or_are_none(folder: Path, uri: str) -> None:
    assert refusal(uri, folder).reason == "bad_uri"


def test_refuses_links_that_lead_out(folder: Path) -> None:
    (folder / "link.txt").symlink_to("../secret.txt")
    (folder / "up").symlink_to("..")
    (folder / "loop").symlink_to("loop")
    for uri in ("link.txt", "up/secret.txt", "up/population/../secret.txt"):
        assert refusal(uri, folder).reason == "bad_uri"
    assert refusal("loop", folder).reason in ("bad_uri", "missing")


def test_follows_links_inside_and_a_folder_that_is_a_link(folder: Path) -> None:
    (folder / "same.jpg").symlink_to("images/a.jpg")
    (folder.parent / "alias").symlink_to("population")
    assert read_photo("same.jpg", str(folder), SETTINGS) == b"photo"
    assert read_photo("same.jpg", str(folder.parent / "alias"), SETTINGS) == b"photo"


def test_a_neighbour_with_the_same_beginning_is_outside(folder: Path) -> None:
    (folder.parent / "population2").mkdir()
    (folder.parent / "population2" / "a.jpg").write_bytes(b"other")
    (folder / "next").symlink_to("../population2")
    assert refusal("next/a.jpg", folder).reason == "bad_uri"


@given(
    st.lists(st.sampled_from(["..", ".", "images", "a.jpg", "", "up", "\\", "/"]), max_size=8), st.sampled_from("/\\")
)
def test_no_relative_uri_leads_out(parts: list[str], separator: str) -> None:
    root = os.path.realpath("tests")
    try:
        path = resolve_uri(separator.join(parts), root)
    except PhotoRefused as refused:
        assert refused.reason == "bad_uri"  # noqa: PT017  a refusal is as good as a path inside
        return
    uri = separator.join(parts)
    assert uri.startswith("/") or path == root or path.startswith(root + "/")


def test_missing_files(folder: Path) -> None:
    for uri in ("images/b.jpg", "images/a.jpg/b.jpg", "/nowhere/a.jpg", "file:///nowhere/a.jpg"):
        assert refusal(uri, folder).reason == "missing"


def test_only_regular_files_are_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")  # opening it would wait for a writer for ever
    with socket.socket(socket.AF_UNIX) as server:
        directory = os.open(folder, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{directory}/socket.jpg")
        os.close(directory)
    for uri in ("images", ".", "pipe.jpg", "socket.jpg", "/dev/zero", "/dev/null", f"file://{folder}"):
        assert refusal(uri, folder).reason == "unreadable"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc")
def test_unreadable_files(folder: Path) -> None:
    """A regular file that even the superuser cannot read, and one that others cannot."""
    assert refusal("/proc/self/mem", folder).reason == "unreadable"
    if os.geteuid() != 0:
        (folder / "images" / "a.jpg").chmod(0)
        assert refusal("images/a.jpg", folder).reason == "unreadable"


def test_reads_no_more_than_allowed(folder: Path) -> None:
    (folder / "large.jpg").write_bytes(bytes(2001))
    (folder / "full.jpg").write_bytes(bytes(2000))
    with open(folder / "sparse.jpg", "wb") as file:
        file.truncate(1 << 40)
    assert refusal("large.jpg", folder).reason == "too_large"
    assert refusal("sparse.jpg", folder).reason == "too_large"
    assert refusal("/proc/kallsyms", folder).reason == "too_large"  # a file that says it is empty
    assert len(read_photo("full.jpg", str(folder), SETTINGS)) == 2000


def test_a_missing_driver_names_its_package(folder: Path) -> None:
    known = fsspec.available_protocols()
    absent = next(name for name in ("s3", "gs", "hdfs", "smb", "abfs", "oss") if name in known and not installed(name))
    refused = refusal(f"{absent}://bucket/a.jpg", folder)
    assert refused.reason == "no_driver"
    assert "install" in refused.detail.lower()
    assert refusal("nosuchthing://bucket/a.jpg", folder).reason == "no_driver"


def installed(protocol: str) -> bool:
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError:
        return False
    return True


def test_reads_objects_behind_urls(folder: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/bucket/images/a.jpg", b"object")
    files.pipe("/bucket/large.jpg", bytes(5000))
    files.pipe("/secret.txt", b"secret")
    assert read_photo("memory://bucket/images/a.jpg", str(folder), SETTINGS) == b"object"
    assert refusal("memory://bucket/none.jpg", folder).reason == "missing"
    assert refusal("memory://bucket/large.jpg", folder).reason == "too_large"


def test_a_population_may_lie_behind_a_url(folder: Path) -> None:
    fsspec.filesystem("memory").pipe("/bucket/images/a.jpg", b"object")
    assert read_photo("./images/a.jpg", "memory://bucket/", SETTINGS) == b"object"
    for uri in ("../secret.txt", "images/../../secret.txt", "..\\secret.txt"):
        with pytest.raises(PhotoRefused, match="bad_uri"):
            read_photo(uri, "memory://bucket", SETTINGS)


def test_errors_of_a_driver_keep_their_text_to_themselves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("key AKIA123 refused by host10")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", fail)
    refused = refusal("memory://bucket/a.jpg", folder)
    assert refused.reason == "unreadable"
    assert refused.detail == "The storage refused: RuntimeError."
