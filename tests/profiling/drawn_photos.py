"""Photos for tests, drawn by code and encoded in every format that is read."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

import profiling.decoding  # noqa: F401  teaches Pillow to write HEIC

FORMATS: dict[str, tuple[str, dict[str, Any], float]] = {  # name -> Pillow's format, options, error of its lossy coding
    "jpeg": ("JPEG", {"quality": 95}, 2),
    "progressive": ("JPEG", {"quality": 95, "progressive": True}, 2),
    "two_pictures": ("MPO", {"quality": 95, "save_all": True, "append_images": [Image.new("RGB", (80, 60))]}, 2),
    "png": ("PNG", {}, 0),
    "webp": ("WEBP", {"quality": 95}, 4),
    "webp_lossless": ("WEBP", {"lossless": True}, 0),
    "tiff": ("TIFF", {}, 0),
    "tiff_lzw": ("TIFF", {"compression": "tiff_lzw"}, 0),
    "tiff_jpeg": ("TIFF", {"compression": "jpeg", "quality": 95}, 3),
    "bmp": ("BMP", {}, 0),
    "gif": ("GIF", {}, 12),
    "heic": ("HEIF", {"quality": 95}, 4),
}
ANIMATED = {"animated_png": "PNG", "animated_webp": "WEBP", "animated_gif": "GIF", "many_pages": "TIFF"}


@cache
def scene(width: int = 160, height: int = 120) -> Image.Image:
    """A picture of waves whose strength falls with frequency, as in photos, and without any symmetry."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    random = np.random.default_rng(5)
    waves = np.zeros((height, width, 3))
    for right in range(6):
        for down in range(6):
            strength = random.normal(0, 60 / (1 + right + down), 3)
            waves += np.sin(np.pi * (right * x + down * y) + random.uniform(0, 6))[..., None] * strength
    return Image.fromarray(np.clip(128 + waves, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@cache
def example(name: str) -> bytes:
    if name in ANIMATED:
        return encoded(scene(), ANIMATED[name], save_all=True, append_images=[Image.new("RGB", (160, 120), "red")])
    kind, options, _ = FORMATS[name]
    return encoded(scene(), kind, **options)


def png(width: int, height: int, depth: int, pixels: bytes) -> bytes:
    """A PNG of RGB pixels spelled chunk by chunk, so that its header may lie."""
    header = struct.pack("!IIBBBBB", width, height, depth, 2, 0, 0, 0)
    parts = (b"IHDR" + header, b"IDAT" + zlib.compress(pixels), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(part) - 4) + part + struct.pack("!I", zlib.crc32(part)) for part in parts
    )
