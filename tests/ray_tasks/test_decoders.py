"""Decoding in other processes gives what decoding here gives, in order, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from profiling.decoding import DecodedPhoto, PhotoRefused
from profiling.errors import KithError
from ray_tasks.decoders import DecoderPool
from tests.ray_tasks.decoded_here import PHOTOS, SETTINGS, decode_here, fill, gone, reasons
from tests.ray_tasks.harmful_child import MODULE, begun


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path)


def test_yields_in_order_what_decoding_here_gives(folder: Path) -> None:
    uris = [f"{k}.png" for k in range(PHOTOS)]
    uris[7:7] = ["missing.png", "../../etc/passwd"]
    with DecoderPool(3, str(folder), SETTINGS) as pool:
        found = list(pool.decode(uris))
    assert [index for index, _ in found] == list(range(len(uris)))
    for uri, (_, photo) in zip(uris, found, strict=True):
        wanted = decode_here(uri, str(folder))
        if isinstance(wanted, PhotoRefused):
            assert isinstance(photo, PhotoRefused)
            assert (photo.reason, photo.detail) == (wanted.reason, wanted.detail)
        else:
            assert isinstance(photo, DecodedPhoto)
            assert (photo.pixels == wanted.pixels).all()
            assert (photo.width, photo.height) == (wanted.width, wanted.height)
            assert (photo.content_hash, photo.perceptual_hash) == (wanted.content_hash, wanted.perceptual_hash)


def test_no_photos_give_nothing(folder: Path) -> None:
    with DecoderPool(1, str(folder), SETTINGS) as pool:
        assert list(pool.decode([])) == []


@pytest.mark.slow
def test_looks_ahead_but_not_far(folder: Path) -> None:
    with DecoderPool(2, str(folder), SETTINGS, MODULE) as pool:
        photos = pool.decode(["0.png"] * 500)
        next(photos)
        time.sleep(1)
        tried = len(begun(folder))
        assert 2 <= tried <= 20
        assert len(list(photos)) == 499


def test_a_pool_serves_again_after_an_iterator_was_dropped(folder: Path) -> None:
    with DecoderPool(2, str(folder), SETTINGS) as pool:
        photos = pool.decode([f"{k}.png" for k in range(PHOTOS)])
        next(photos)
        photos.close()  # type: ignore[attr-defined]
        assert reasons(pool, ["3.png", "nowhere.png"]) == ["ok", "missing"]


def test_what_c_libraries_write_disturbs_nobody(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with DecoderPool(1, str(folder), SETTINGS, MODULE) as pool:
        assert reasons(pool, ["noisy.png", "noisy.png"]) == ["ok", "ok"]
    assert capfd.readouterr() == ("", "")


def test_closing_ends_the_children_even_in_the_middle(folder: Path) -> None:
    pool = DecoderPool(2, str(folder), SETTINGS, MODULE)
    pids = pool.pids()
    photos = pool.decode(["0.png", "hang.png", "hang.png"])
    assert next(photos)[0] == 0
    start = time.monotonic()
    pool.close()
    pool.close()
    assert time.monotonic() - start < 5
    assert all(gone(pid) for pid in pids)
    assert pool.pids() == ()


POOLS = 4  # opened and closed, their decoders killed


@pytest.mark.slow
def test_nothing_stays_open(folder: Path) -> None:
    me = psutil.Process()
    with DecoderPool(1, str(folder), SETTINGS) as pool:
        reasons(pool, ["0.png"])
    before = (me.num_fds(), me.num_threads(), len(me.children()))
    for _ in range(POOLS):
        with DecoderPool(1, str(folder), SETTINGS) as pool:
            os.kill(pool.pids()[0], signal.SIGKILL)
            reasons(pool, ["0.png", "1.png", "2.png"])
    after = (me.num_fds(), me.num_threads(), len(me.children()))
    # What a pool leaves open is there once a pool; one or two more may be of what else runs in this process.
    assert all(late - early < POOLS for early, late in zip(before, after, strict=True)), (before, after)


def test_children_are_small_and_know_neither_ray_nor_torch(folder: Path) -> None:
    with DecoderPool(1, str(folder), SETTINGS) as pool:
        reasons(pool, [f"{k}.png" for k in range(PHOTOS)])
        child = psutil.Process(pool.pids()[0])
        private = child.memory_full_info().uss
        maps = {Path(region.path).name for region in child.memory_maps()}
    assert private < 150 << 20
    assert not [name for name in maps if "torch" in name or "_raylet" in name]


def test_a_child_that_cannot_start_is_one_clear_line(folder: Path) -> None:
    with pytest.raises(KithError, match=r"cannot start: .*No module named 'nowhere'|cannot start: .*nowhere"):
        DecoderPool(1, str(folder), SETTINGS, "nowhere.child")


def test_a_pool_needs_a_process(folder: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        DecoderPool(0, str(folder), SETTINGS)
