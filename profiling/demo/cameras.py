"""What a camera writes beside the pixels: its name, the time, and which way up the photo was held."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image

from profiling.demo.cast import PHOTO_YEAR
from profiling.demo.photos import Photo

CAMERAS = ("Canon EOS 90D", "NIKON Z 50", "SONY ILCE-6400", "OLYMPUS E-M10")
PHONES = ("Apple iPhone 12", "samsung SM-G991B")
HELD_SIDEWAYS = 0.3  # share of photos by phones whose pixels lie on their side, with the EXIF tag that says so
SIDEWAYS = 6  # EXIF orientation: turn clockwise by 90 degrees to see it upright
NAMED = 0.8  # share of photos whose camera is known; messengers strip it from the rest


@dataclass(frozen=True)
class Capture:
    """How one photo was taken; `camera` is None where nobody knows any more."""

    camera: str | None
    taken_at: datetime.datetime
    sideways: bool


def draw_capture(rng: np.random.Generator, named: float = NAMED) -> Capture:
    """A camera and a time of the year of the demo."""
    second = int(rng.integers(365 * 24 * 3600))
    taken_at = datetime.datetime(PHOTO_YEAR, 1, 1) + datetime.timedelta(seconds=second)
    camera = str(rng.choice([*CAMERAS, *PHONES]))
    sideways, known = bool(rng.random() < HELD_SIDEWAYS), bool(rng.random() < named)
    return Capture(camera if known else None, taken_at, sideways and known and camera in PHONES)


def develop(photo: Photo, capture: Capture, quality: int | None = None) -> bytes:
    """The photo as the JPEG that this camera would write; without a camera there is no EXIF header."""
    if capture.camera is None:
        return photo.encode(quality=quality)
    exif, stamp = Image.Exif(), capture.taken_at.strftime("%Y:%m:%d %H:%M:%S")
    exif[ExifTags.Base.Make] = capture.camera.split()[0]
    exif[ExifTags.Base.Model] = capture.camera
    exif[ExifTags.Base.DateTime] = stamp
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = stamp
    if capture.sideways:
        exif[ExifTags.Base.Orientation] = SIDEWAYS
        photo = photo.turned()
    return photo.encode(exif, quality)
