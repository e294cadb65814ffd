"""Bytes of a photo -> upright RGB pixels and two hashes, or a reason.

What the header promises is checked before a pixel is decoded. Results depend on the bytes and the settings alone.
Decoders of foreign bytes may still crash or hang: the stages run this in processes that may die
(`ray_tasks.decoders`).
"""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from profiling.headers import SIDEWAYS, UPRIGHT, open_photo, orientation
from profiling.perceptual_hash import perceptual_hash
from profiling.refusals import REASONS, PhotoRefused
from profiling.settings import DecodingSettings
from profiling.uris import read_photo, resolve_uri

__all__ = ["REASONS", "DecodedPhoto", "PhotoRefused", "decode_photo", "read_photo", "resolve_uri"]

BEHIND = (255, 255, 255)  # colour behind transparent pixels: white, as browsers show them
CONTENT_HASH_BYTES = 16  # blake2b; 128 bits never collide by chance
REDUCING_GAP = 3.0  # Pillow boxes down to three times the size before Lanczos: indistinguishable and faster
DCT_STEPS = (8, 4, 2)  # libjpeg scales while it decodes, at next to no cost
DCT_SHORTFALL = 0.95  # of max_side; a 4032-pixel photo at a quarter, 1008, takes 22 ms, at a half and resized 66 ms
_SWAPPING = tuple(UPRIGHT[code] for code in SIDEWAYS)

Size: TypeAlias = tuple[int, int]  # width, height


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo as the detector wants it.

    pixels : uint8 [H, W, 3], RGB, upright, longer side <= `max_side`.
    width, height : pixels of the upright photo as stored, before scaling.
    content_hash : 16 bytes, blake2b of the file.
    perceptual_hash : 64-bit pHash of the upright photo, 0 to 2**64 - 1.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    content_hash: bytes
    perceptual_hash: int


def decode_photo(data: bytes, settings: DecodingSettings) -> DecodedPhoto:
    """Decode a photo: first frame, EXIF orientation applied, 8-bit RGB, scaled down to `settings.max_side`.

    Transparent pixels become white, 16-bit grey keeps its high byte, colour profiles are not applied.

    Raises
    ------
    PhotoRefused
        "not_a_photo", "truncated", "too_large", "too_small", "bomb" or "no_memory".
    """
    if len(data) > settings.max_bytes:
        raise PhotoRefused("too_large", f"The file has {len(data)} bytes, more than {settings.max_bytes}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd EXIF and big photos; the reason says what matters
            return _decode(data, settings)
    except MemoryError:
        raise PhotoRefused("no_memory", "The photo does not fit into the decoder's memory.") from None


def _decode(data: bytes, settings: DecodingSettings) -> DecodedPhoto:
    with open_photo(io.BytesIO(data)) as photo:
        width, height = photo.size
        target = _target_size(photo, settings.max_side)
        _check_size(width, height, target, settings)
        photo, turn = _load(photo, target)
    if turn in _SWAPPING:
        width, height = height, width
    photo = _opaque(photo)
    if turn is not None:
        photo = photo.transpose(turn)
    return DecodedPhoto(
        pixels=np.array(photo),
        width=width,
        height=height,
        content_hash=hashlib.blake2b(data, digest_size=CONTENT_HASH_BYTES).digest(),
        perceptual_hash=perceptual_hash(photo),
    )


def _target_size(photo: Image.Image, max_side: int) -> Size:
    """The size to decode to: never larger than the photo, the longer side `max_side`, or for a JPEG a little less."""
    longer = max(photo.size)
    if longer <= max_side:
        return photo.size
    if isinstance(photo, JpegImageFile):
        for step in DCT_STEPS:
            if DCT_SHORTFALL * max_side <= math.ceil(longer / step) <= max_side:
                return _stepped(photo.size, step)
    width, height = (max(1, round(side * max_side / longer)) for side in photo.size)
    return width, height


def _stepped(size: Size, step: int) -> Size:
    """The size to which libjpeg decodes with a DCT scaled down by `step`."""
    return math.ceil(size[0] / step), math.ceil(size[1] / step)


def _check_size(width: int, height: int, target: Size, settings: DecodingSettings) -> None:
    if min(width, height) < settings.min_side:
        raise PhotoRefused("too_small", f"{width} x {height} pixels; the shorter side needs {settings.min_side}.")
    if width * height > settings.max_pixels:
        raise PhotoRefused("bomb", f"The header promises {width} x {height} pixels, more than {settings.max_pixels}.")
    if min(target) < settings.min_side:
        raise PhotoRefused("too_small", f"{width} x {height} pixels scaled down leave {target[0]} x {target[1]}.")


def _load(photo: Image.Image, target: Size) -> tuple[Image.Image, Image.Transpose | None]:
    """Decode and scale the first frame; return it in an 8-bit mode, and the turn that makes it upright."""
    try:
        box = _draft(photo, target) if isinstance(photo, JpegImageFile) else None
        photo.load()
        turn = UPRIGHT.get(orientation(photo))  # after loading: Pillow turns TIFFs by itself and drops the tag
        photo = _eight_bit(photo)
        if photo.size != target:
            photo = photo.resize(target, Image.Resampling.LANCZOS, box, REDUCING_GAP)
    except (MemoryError, PhotoRefused):
        raise
    except Image.DecompressionBombError:
        raise PhotoRefused("bomb", "It unpacks to more pixels than Pillow decodes.") from None
    except Exception as error:  # as in headers.open_photo
        raise PhotoRefused("truncated", f"The file ends too early or is damaged ({type(error).__name__}).") from None
    return photo, turn


def _draft(photo: JpegImageFile, target: Size) -> tuple[float, float, float, float] | None:
    """Have libjpeg decode to the smallest size that is not below the target; where the photo lies in that size."""
    width, height = photo.size
    for step in DCT_STEPS:
        if all(side >= wanted for side, wanted in zip(_stepped(photo.size, step), target, strict=True)):
            drafted = photo.draft(None, (width // step, height // step))
            return drafted and drafted[1]
    return None


def _eight_bit(photo: Image.Image) -> Image.Image:
    """A mode of 8-bit channels that can be scaled: LA or RGBA where anything is transparent, else opaque."""
    if photo.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(photo) >> 8).astype(np.uint8))
    if photo.mode in ("I", "F", "LAB"):
        raise PhotoRefused("not_a_photo", f"Pixels of kind {photo.mode} are a measurement or a print, not a photo.")
    if photo.mode in ("LA", "RGBA"):
        return photo  # scaled with premultiplied alpha by Pillow
    if photo.has_transparency_data:
        return photo.convert("RGBA")
    return photo.convert("RGB") if photo.mode in ("1", "P", "RGBX") else photo


def _opaque(photo: Image.Image) -> Image.Image:
    """RGB, with `BEHIND` where the photo is transparent."""
    if photo.mode in ("LA", "RGBA"):
        photo = photo.convert("RGBA")
        behind = Image.new("RGBA", photo.size, (*BEHIND, 255))
        photo = Image.alpha_composite(behind, photo)
    return photo if photo.mode == "RGB" else photo.convert("RGB")
