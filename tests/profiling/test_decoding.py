"""Every format that phones and browsers write is read right: turned upright, scaled, 8-bit RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profiling.decoding import DecodedPhoto, decode_photo
from profiling.settings import DecodingSettings
from tests.profiling.drawn_photos import ANIMATED, FORMATS, encoded, example, png, scene

DATA = Path(__file__).parents[3] / "shared" / "data"
SETTINGS = DecodingSettings()
UNDO = {  # stored = upright turned so that the camera's note undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def error(photo: DecodedPhoto, wanted: Image.Image) -> float:
    """Mean difference to the wanted picture, in levels of 256."""
    pixels = np.asarray(wanted.convert("RGB"), np.float64)
    assert photo.pixels.shape == pixels.shape
    return float(np.abs(photo.pixels - pixels).mean())


def bits_apart(one: DecodedPhoto, other: DecodedPhoto) -> int:
    return (one.perceptual_hash ^ other.perceptual_hash).bit_count()


@pytest.mark.parametrize("name", FORMATS)
def test_reads_every_format(name: str) -> None:
    photo = decode_photo(example(name), SETTINGS)
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.flags.c_contiguous
    assert (photo.width, photo.height) == (160, 120)
    assert error(photo, scene()) <= FORMATS[name][2]
    assert len(photo.content_hash) == 16
    assert bits_apart(photo, decode_photo(example("png"), SETTINGS)) <= 4


@pytest.mark.parametrize("name", ANIMATED)
def test_takes_the_first_frame(name: str) -> None:
    assert error(decode_photo(example(name), SETTINGS), scene()) <= 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "two_pictures", "png", "webp_lossless", "tiff", "tiff_lzw", "heic"])
def test_turns_photos_upright(name: str, orientation: int) -> None:
    kind, options, tolerance = FORMATS[name]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = scene() if orientation == 1 else scene().transpose(UNDO[orientation])
    photo = decode_photo(encoded(stored, kind, **options, exif=exif.tobytes()), SETTINGS)
    assert (photo.width, photo.height) == (160, 120)
    assert error(photo, scene()) <= tolerance
    assert bits_apart(photo, decode_photo(example("png"), SETTINGS)) <= 4


@pytest.mark.data
@pytest.mark.parametrize("kind", ["Landscape", "Portrait"])
def test_turns_real_photos_upright(kind: str) -> None:
    folder = DATA / "exif_orientation"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    first, *others = (decode_photo((folder / f"{kind}_{k}.jpg").read_bytes(), SETTINGS) for k in (1, *range(2, 9), 0))
    assert (first.width, first.height) == ((1800, 1200) if kind == "Landscape" else (1200, 1800))
    for other in others:
        assert other.pixels.shape == first.pixels.shape
        assert np.abs(other.pixels.astype(int) - first.pixels).mean() < 4  # each was saved as JPEG on its own
        assert bits_apart(first, other) <= 4


def test_broken_exif_costs_no_photo() -> None:
    data = encoded(scene(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert error(decode_photo(data, SETTINGS), scene()) <= 2


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_is_none(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert error(decode_photo(encoded(scene(), "PNG", exif=exif), SETTINGS), scene()) == 0


def test_reads_cmyk() -> None:
    assert error(decode_photo(encoded(scene().convert("CMYK"), "JPEG", quality=95), SETTINGS), scene()) <= 3
    assert error(decode_photo(encoded(scene().convert("CMYK"), "TIFF"), SETTINGS), scene()) <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_scales_16_bit_grey_to_8(kind: str) -> None:
    deep = np.linspace(0, 65535, 160 * 120).astype(np.uint16).reshape(120, 160)
    photo = decode_photo(encoded(Image.fromarray(deep), kind), SETTINGS)
    assert error(photo, Image.fromarray((deep // 256).astype(np.uint8))) == 0
    assert photo.pixels.min() == 0
    assert photo.pixels.max() == 255


def test_scales_big_endian_16_bit_grey() -> None:
    deep = np.linspace(0, 65535, 160 * 120).astype(">u2").reshape(120, 160)
    photo = decode_photo(encoded(Image.fromarray(deep), "TIFF"), SETTINGS)
    assert error(photo, Image.fromarray((deep // 256).astype(np.uint8))) == 0


def test_scales_16_bit_colour_to_8() -> None:
    rows = (np.asarray(scene(), np.uint16) * 257).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    data = png(160, 120, 16, raw)
    assert error(decode_photo(data, SETTINGS), scene()) == 0


def test_transparent_pixels_become_white() -> None:
    half = scene().convert("RGBA")
    half.paste((200, 0, 0, 0), (0, 0, 80, 120))
    wanted = scene()
    wanted.paste("white", (0, 0, 80, 120))
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        assert error(decode_photo(encoded(half, kind, **options), SETTINGS), wanted) == 0


def test_transparency_of_palette_grey_and_key_colour() -> None:
    wanted = Image.new("RGB", (160, 120), "white")
    wanted.paste("blue", (80, 0, 160, 120))
    palette = Image.new("P", (160, 120), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    palette.paste(2, (80, 0, 160, 120))
    key = Image.new("RGB", (160, 120), (1, 2, 3))
    key.paste("blue", (80, 0, 160, 120))
    assert error(decode_photo(encoded(palette, "PNG", transparency=1), SETTINGS), wanted) == 0
    assert error(decode_photo(encoded(palette, "PNG", transparency=b"\xff\0\xff"), SETTINGS), wanted) == 0
    assert error(decode_photo(encoded(palette, "GIF", transparency=1), SETTINGS), wanted) == 0
    assert error(decode_photo(encoded(key, "PNG", transparency=(1, 2, 3)), SETTINGS), wanted) == 0
    grey = Image.merge("LA", [Image.new("L", (160, 120), 7), Image.new("L", (160, 120), 0)])
    assert error(decode_photo(encoded(grey, "PNG"), SETTINGS), Image.new("RGB", (160, 120), "white")) == 0


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_reads_grey_and_palettes(mode: str) -> None:
    image = scene().convert(mode)
    assert error(decode_photo(encoded(image, "PNG"), SETTINGS), image) == 0
    assert error(decode_photo(encoded(image, "BMP"), SETTINGS), image) == 0


@pytest.mark.parametrize("name", ["jpeg", "progressive", "png", "webp", "tiff", "gif", "heic"])
@pytest.mark.parametrize("turned", [False, True])
def test_scales_down_to_the_longer_side(name: str, turned: bool) -> None:
    kind, options, _ = FORMATS[name]
    size = (750, 1055) if turned else (1055, 750)
    photo = decode_photo(encoded(scene(*size), kind, **options), DecodingSettings(max_side=150))
    assert (photo.width, photo.height) == size
    assert max(photo.pixels.shape) == 150
    assert min(photo.pixels.shape[:2]) == round(150 * 750 / 1055)
    assert error(photo, scene(*photo.pixels.shape[1::-1])) <= 12
    assert bits_apart(photo, decode_photo(encoded(scene(*size), "PNG"), SETTINGS)) <= 6


@pytest.mark.parametrize(
    ("width", "height", "max_side", "wanted"),
    [
        (4001, 3003, 400, (400, 300)),
        (4032, 3024, 1024, (1008, 756)),  # a quarter is near enough to 1024
        (3000, 4001, 1024, (750, 1001)),
        (4100, 3000, 1024, (1024, 749)),  # a quarter is 1025: too large
        (3800, 2850, 1024, (1024, 768)),  # a quarter is 950: too small
        (1030, 1030, 1024, (1024, 1024)),
    ],
)
def test_scaling_of_jpegs_keeps_things_in_place(
    width: int, height: int, max_side: int, wanted: tuple[int, int]
) -> None:
    """A JPEG decoded at an eighth whose size is no multiple of eight must not shift: landmarks would."""
    stored = Image.new("L", (width, height))
    stored.paste(255, (width // 2, height // 2, width, height))
    data = encoded(stored, "JPEG")
    photo = decode_photo(data, DecodingSettings(max_side=max_side)).pixels[..., 0]
    assert photo.shape[::-1] == wanted
    assert abs((photo[-1] < 128).sum() - wanted[0] / 2) <= 1
    assert abs((photo[:, -1] < 128).sum() - wanted[1] / 2) <= 1


def test_small_photos_are_not_enlarged() -> None:
    assert decode_photo(encoded(scene(30, 25), "PNG"), SETTINGS).pixels.shape == (25, 30, 3)


def test_decides_by_content_and_depends_on_bytes_alone() -> None:
    one, two = (decode_photo(example("jpeg"), SETTINGS) for _ in range(2))
    assert (one.pixels == two.pixels).all()
    assert (one.content_hash, one.perceptual_hash) == (two.content_hash, two.perceptual_hash)
    assert one.content_hash != decode_photo(example("progressive"), SETTINGS).content_hash
