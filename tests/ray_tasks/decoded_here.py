"""What tests of decoder pools share: a folder of photos, the same photos decoded here, and processes that end."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
from PIL import Image

from profiling.decoding import DecodedPhoto, PhotoRefused, decode_photo, read_photo
from profiling.settings import DecodingSettings
from ray_tasks.decoders import DecoderPool
from tests.ray_tasks.harmful_child import HARMS

SETTINGS = DecodingSettings()
PHOTOS = 40


def fill(folder: Path) -> Path:
    """Put photos into a folder: their number is their brightness, or their name means harm."""
    for k in range(PHOTOS):
        Image.new("RGB", (64 + k, 48), (k, k, k)).save(folder / f"{k}.png")
    for name in HARMS:
        Image.new("RGB", (64, 48)).save(folder / f"{name}.png")
    return folder


def decode_here(uri: str, folder: str) -> DecodedPhoto | PhotoRefused:
    """What decoding in this process gives."""
    try:
        return decode_photo(read_photo(uri, folder, SETTINGS), SETTINGS)
    except PhotoRefused as refused:
        return refused


def reasons(pool: DecoderPool, uris: list[str]) -> list[str]:
    found = list(pool.decode(uris))
    assert [index for index, _ in found] == list(range(len(uris)))
    return [photo.reason if isinstance(photo, PhotoRefused) else "ok" for _, photo in found]


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends within this time; a zombie has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
