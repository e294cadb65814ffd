"""Photos that are refused: each with its reason, before it does harm, and never with another exception."""

from __future__ import annotations

import resource
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from profiling.decoding import REASONS, PhotoRefused, decode_photo
from profiling.settings import DecodingSettings
from tests.profiling.drawn_photos import ANIMATED, FORMATS, encoded, example, png

SETTINGS = DecodingSettings()


def refusal(data: bytes, wanted: DecodingSettings = SETTINGS) -> str:
    with pytest.raises(PhotoRefused) as caught:
        decode_photo(data, wanted)
    assert caught.value.reason in REASONS
    assert caught.value.detail.endswith(".")
    return caught.value.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (b"Dear diary, this is no photo.\n" * 50, "not_a_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='100' height='100'/>", "not_a_photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n", "not_a_photo"),
        (bytes(5000), "not_a_photo"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(500), "not_a_photo"),  # a film
        (b"RIFF\0\x10\0\0WAVEfmt " + bytes(500), "not_a_photo"),  # a sound
        (encoded(Image.new("RGB", (1, 1)), "PNG"), "too_small"),
        (encoded(Image.new("RGB", (1, 20000)), "PNG"), "too_small"),
        (encoded(Image.new("RGB", (20000, 1)), "PNG"), "too_small"),
        (encoded(Image.new("RGB", (19, 500)), "JPEG"), "too_small"),
        (encoded(Image.new("RGB", (6000, 100)), "PNG"), "too_small"),  # 17 pixels are left of 100
        (png(12_000, 12_000, 8, b""), "bomb"),  # between ours and Pillow's limit
        (png(60_000, 60_000, 8, b""), "bomb"),
        (encoded(Image.new("RGB", (40, 40)), "PPM"), "not_a_photo"),
        (encoded(Image.new("RGB", (40, 40)), "ICO"), "not_a_photo"),
        (encoded(Image.new("RGB", (40, 40)), "TGA"), "not_a_photo"),
        (encoded(Image.new("RGB", (40, 40)), "JPEG2000"), "not_a_photo"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses(data: bytes, reason: str) -> None:
    assert refusal(data) == reason


def test_a_bomb_is_refused_before_its_pixels_are_unpacked() -> None:
    """100 kB that unpack to 300 MB: with room for 64 MB more, decoding would fail with another reason."""
    bomb = encoded(Image.new("1", (11_000, 11_000)), "PNG")
    assert len(bomb) < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(bomb) == "bomb"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_refuses_too_many_bytes() -> None:
    assert refusal(example("bmp"), DecodingSettings(max_bytes=1024)) == "too_large"


@pytest.mark.parametrize("name", [*FORMATS, *ANIMATED])
def test_truncated_files_are_refused_or_whole(name: str) -> None:
    """At no cut are missing pixels filled silently: what is still accepted holds the whole first frame."""
    data = example(name)
    whole = decode_photo(data, SETTINGS).pixels
    cuts = {*range(1, 64), *np.linspace(64, len(data) - 1, 60).astype(int).tolist(), *range(len(data) - 16, len(data))}
    reasons = []
    for cut in sorted(cuts):
        try:
            assert (decode_photo(data[:cut], SETTINGS).pixels == whole).all()
        except PhotoRefused as refused:
            reasons.append((refused.reason, cut < 64))
    assert set(reasons) <= {("truncated", True), ("truncated", False), ("not_a_photo", True)}
    assert len(reasons) > 60


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_never_raise_anything_else(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*FORMATS, *ANIMATED]))
    damaged = bytearray(example(name))
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1) | st.integers(0, 300), max_size=12)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        shape = decode_photo(bytes(damaged), SETTINGS).pixels.shape
    except PhotoRefused:  # whose reason is known: it cannot be made otherwise
        return
    assert shape[2] == 3


def test_measurements_are_no_photos() -> None:
    floats = Image.fromarray(np.linspace(0, 1, 160 * 120, dtype=np.float32).reshape(120, 160))
    assert refusal(encoded(floats, "TIFF")) == "not_a_photo"


def test_warnings_stay_inside() -> None:
    """Pillow warns of more pixels than its own limit, and of broken EXIF; neither reaches the caller."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert refusal(png(9_600, 9_600, 8, b"")) == "truncated"  # above Pillow's warning, below our limit
        palette = Image.new("P", (160, 120))
        palette.putpalette([0, 0, 0, 255, 255, 255])
        decode_photo(encoded(palette, "PNG", transparency=b"\0\xff"), SETTINGS)


NO_MEMORY = """
import resource, sys
from pathlib import Path
from profiling.decoding import PhotoRefused, decode_photo
from profiling.settings import DecodingSettings

data = sys.stdin.buffer.read()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (128 << 20), resource.RLIM_INFINITY))
try:
    decode_photo(data, DecodingSettings())
except PhotoRefused as refused:
    sys.exit(refused.reason)
"""


def test_no_memory_has_its_reason() -> None:
    """In a process of its own: one that has run for long has free memory that no limit takes away."""
    data = encoded(Image.new("1", (9_900, 9_900)), "PNG")
    done = subprocess.run([sys.executable, "-c", NO_MEMORY], input=data, capture_output=True, check=False)
    assert done.stderr.decode().strip() == "no_memory"


def test_a_reason_must_be_known() -> None:
    with pytest.raises(ValueError, match="no code"):
        PhotoRefused("odd", "Something.")
