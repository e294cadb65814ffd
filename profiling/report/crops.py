"""Thumbnails of faces, and the one picture a user that holds them all."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from profiling.report.data import CROP

CONTEXT = 1.3  # side of the thumbnail's square in the photo, in longer sides of the face's box
GREY = 127  # outside the photo
JPEG_QUALITY = 82  # about 2.5 kB a thumbnail

Pixels = npt.NDArray[np.uint8]


def crop_faces(pixels: Pixels, boxes: npt.NDArray[np.floating]) -> Pixels:
    """Cut square thumbnails around faces.

    Parameters
    ----------
    pixels : uint8 [H, W, 3], an upright photo. boxes : [n, 4] x, y, width, height relative to the photo.

    Returns
    -------
    uint8 [n, 72, 72, 3]; what lies outside the photo is grey, a box without area gives a grey thumbnail.
    """
    height, width = pixels.shape[:2]
    photo = Image.fromarray(pixels)
    crops = np.full((len(boxes), CROP, CROP, 3), GREY, np.uint8)
    for place, (x, y, w, h) in enumerate(np.asarray(boxes, np.float64)):
        side = CONTEXT * max(w * width, h * height)
        if not np.isfinite((x, y, side)).all() or side < 1:
            continue
        left, top = (x + w / 2) * width - side / 2, (y + h / 2) * height - side / 2
        crops[place] = _cut(photo, left, top, side)
    return crops


def _cut(photo: Image.Image, left: float, top: float, side: float) -> Pixels:
    """One square of the photo, scaled to a thumbnail; only the part that exists is resampled."""
    inside = (max(left, 0.0), max(top, 0.0), min(left + side, photo.width), min(top + side, photo.height))
    thumbnail = np.full((CROP, CROP, 3), GREY, np.uint8)
    scale = CROP / side
    x0, y0 = round((inside[0] - left) * scale), round((inside[1] - top) * scale)
    x1, y1 = round((inside[2] - left) * scale), round((inside[3] - top) * scale)
    if x1 > x0 and y1 > y0:
        part = photo.resize((x1 - x0, y1 - y0), Image.Resampling.LANCZOS, box=inside, reducing_gap=2.0)
        thumbnail[y0:y1, x0:x1] = np.asarray(part)
    return thumbnail


def sheet_shape(count: int) -> tuple[int, int]:
    """Columns and rows of the sheet that holds `count` thumbnails; never fewer than one."""
    columns = max(1, math.ceil(math.sqrt(count)))
    return columns, max(1, math.ceil(count / columns))


def contact_sheet(crops: Pixels) -> Pixels:
    """All thumbnails [n, s, s, 3] in one picture, row by row; see `sheet_shape`."""
    columns, rows = sheet_shape(len(crops))
    size = crops.shape[1]
    cells = np.full((rows * columns, size, size, 3), GREY, np.uint8)
    cells[: len(crops)] = crops
    return np.ascontiguousarray(
        cells.reshape(rows, columns, size, size, 3).swapaxes(1, 2).reshape(rows * size, columns * size, 3)
    )


def jpeg_uri(pixels: Pixels) -> str:
    """A picture as a `data:` URI in JPEG."""
    return _uri(pixels, "jpeg", quality=JPEG_QUALITY, optimize=True)


def png_uri(pixels: Pixels) -> str:
    """A picture as a `data:` URI in PNG: exact, for pictures with few pixels."""
    return _uri(pixels, "png", optimize=True)


def _uri(pixels: Pixels, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
