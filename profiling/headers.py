"""What a photo's file says before any pixel is decoded: format, size, orientation, camera and time.

Decided by content, never by the file's name. Only the seven formats that phones, cameras and browsers write are
tried, so a hostile file meets none of Pillow's rarer parsers.
"""

from __future__ import annotations

import datetime
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from profiling.refusals import PhotoRefused

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF")
UPRIGHT = {  # EXIF 2.3, tag 0x0112: what the camera noted -> what makes the photo upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # these swap width and height

_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")  # a file that starts so and fails is damaged
_START_BYTES = 12
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # ISO/IEC 23008-12; not AVIF
_TIME_TAGS = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized)  # the moment of the shot, then scanned
_TIME_FORMAT = "%Y:%m:%d %H:%M:%S"  # EXIF 2.3, 4.6.5
_EARLIEST = datetime.datetime(1826, 1, 1)  # of the first photograph; a dead clock says an earlier one

pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


@dataclass(frozen=True)
class PhotoHeader:
    """Width and height of the upright photo in pixels; camera ("Canon PowerShot A95") and local time where noted."""

    width: int
    height: int
    camera: str | None
    taken_at: datetime.datetime | None


def open_photo(stream: BinaryIO) -> Image.Image:
    """Parse the header of one of `FORMATS`; pixels come with `load`.

    Raises
    ------
    PhotoRefused
        "not_a_photo"; "truncated" where it starts like a photo; "bomb" where Pillow's own limit is passed.
    """
    start = stream.read(_START_BYTES)
    stream.seek(0)
    try:
        return Image.open(stream, formats=FORMATS)
    except Image.DecompressionBombError:
        raise PhotoRefused("bomb", "The header promises more pixels than Pillow decodes.") from None
    except MemoryError:
        raise
    except UnidentifiedImageError:
        if not start:
            raise PhotoRefused("truncated", "The file is empty.") from None
        if _starts_like_photo(start):
            raise PhotoRefused("truncated", "It starts like a photo, but its header is damaged or cut.") from None
        raise PhotoRefused("not_a_photo", "The content is none of the formats that are read.") from None
    except Exception as error:  # parsers of foreign bytes raise whatever they stumble over
        raise PhotoRefused("truncated", f"The header is damaged ({type(error).__name__}).") from None


def read_header(stream: BinaryIO) -> PhotoHeader:
    """Size, camera and time of a photo; no pixel is decoded. Raises as `open_photo`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_photo(stream) as photo:
            width, height = photo.size
            # Pillow gives TIFFs their upright size, and libheif turns HEIC by itself
            if photo.format in ("JPEG", "MPO", "PNG", "WEBP") and orientation(photo) in SIDEWAYS:
                width, height = height, width
            tags, shot = _exif(photo)
            return PhotoHeader(width, height, _camera(tags), _taken_at(tags, shot))


def orientation(photo: Image.Image) -> int:
    """EXIF orientation, 1 where there is none or the EXIF is broken: that alone costs no photo."""
    value = _exif(photo)[0].get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) else 1


def _exif(photo: Image.Image) -> tuple[dict[int, Any], dict[int, Any]]:
    """The main EXIF tags and those of the shot, as far as they can be read."""
    tags: dict[int, Any] = {}
    shot: dict[int, Any] = {}
    try:
        exif = photo.getexif()
        tags = dict(exif)
        shot = dict(exif.get_ifd(ExifTags.IFD.Exif))
    except MemoryError:
        raise
    except Exception:  # as in open_photo
        return tags, shot
    return tags, shot


def _starts_like_photo(start: bytes) -> bool:
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return start.startswith(_STARTS) or webp or (start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS)


def _camera(tags: dict[int, Any]) -> str | None:
    """Maker and model, the maker once: "NIKON CORPORATION" and "NIKON D70" give "NIKON D70"."""
    make, model = (_text(tags.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    if make and model and not model.lower().startswith(make.split()[0].lower()):
        return f"{make} {model}"
    return model or make or None


def _taken_at(tags: dict[int, Any], shot: dict[int, Any]) -> datetime.datetime | None:
    for value in (*(shot.get(tag) for tag in _TIME_TAGS), tags.get(ExifTags.Base.DateTime)):
        try:
            moment = datetime.datetime.strptime(_text(value), _TIME_FORMAT)
        except ValueError:
            continue
        if moment >= _EARLIEST:
            return moment
    return None


def _text(value: object) -> str:
    """Text of an EXIF value: what stands before the first NUL, without odd characters around and in it."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = value.split("\0")[0] if isinstance(value, str) else ""
    return "".join(letter for letter in text if letter.isprintable()).strip()
