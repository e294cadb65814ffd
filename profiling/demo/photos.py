"""Whole photos of drawn people: a made-up place, people side by side, blur, grain and JPEG, as cameras make them."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from profiling.demo.brushes import noise
from profiling.demo.busts import draw_bust
from profiling.demo.identity import Identity
from profiling.demo.splatting import CENTRE_Y
from profiling.demo.views import draw_view

SIDES = (480, 801)  # pixels, the upper end excluded
HEADS = (60.0, 200.0)  # pixels of a head's width
HEAD_SHARE = 0.62  # of the width that each person has, so that neighbours do not cover each other
OCCLUDED = 0.15  # share of faces with something in front of a cheek, the chin or the brow
QUALITY = (55, 96)  # of the JPEG, the upper end excluded
FACE_WIDTH, FACE_HEIGHT = 2.13, 2.82  # in distances from eyes to mouth: mean over MTCNN's boxes of 120 drawn faces
FACE_RISE = 0.29  # of the box's middle above the landmarks' mean; same source
BACKGROUND_STEP = 4  # places are drawn at a quarter of the size: soft and cheap


Box: TypeAlias = tuple[float, float, float, float]  # x, y, w, h relative to the photo


@dataclass(frozen=True)
class Photo:
    """A finished photo: its pixels before and its bytes after compression, and the landmarks of everyone in it."""

    image: Image.Image
    quality: int
    landmarks: list[npt.NDArray[np.float64]] = field(default_factory=list)  # [5, 2] pixels each, in order of people

    def encode(self, exif: Image.Exif | None = None, quality: int | None = None) -> bytes:
        """The photo as JPEG."""
        buffer = io.BytesIO()
        self.image.save(buffer, "JPEG", quality=quality or self.quality, exif=exif or Image.Exif())
        return buffer.getvalue()

    def turned(self) -> Photo:
        """The pixels turned anticlockwise by 90 degrees, as a camera held sideways stores them."""
        return replace(self, image=self.image.transpose(Image.Transpose.ROTATE_90))

    def shrunk(self, share: float) -> Photo:
        """The photo scaled to `share` of its width and height."""
        size = (round(self.image.width * share), round(self.image.height * share))
        image = self.image.resize(size, Image.Resampling.LANCZOS)
        return replace(self, image=image, landmarks=[marks * share for marks in self.landmarks])

    def boxes(self) -> list[Box]:
        """Every face as x, y, w, h relative to the photo, as MTCNN would put its box, cut at the rim."""
        return [_box(marks, self.image.width, self.image.height) for marks in self.landmarks]


def draw_photo(
    people: Sequence[Identity],
    rng: np.random.Generator,
    size: tuple[int, int] | None = None,
    heads: tuple[float, float] = HEADS,
) -> Photo:
    """A photo of these people, from left to right; without people it shows a place.

    Parameters
    ----------
    size : width and height in pixels; drawn from `SIDES` when None.
    heads : smallest and largest width of a head in pixels; people in company are smaller where they must.
    """
    width, height = size or (int(rng.integers(*SIDES)), int(rng.integers(*SIDES)))
    image = draw_place(rng, width, height)
    slot = width / max(1, len(people))
    landmarks = []
    for k, person in enumerate(people):
        head = float(rng.uniform(heads[0], max(heads[0] + 1, min(heads[1], slot * HEAD_SHARE))))
        marks = _paste_person(image, person, rng, head, slot, slot * (k + 0.5))
        landmarks.append(marks)
        if rng.random() < OCCLUDED:
            _cover_part(image, rng, marks, head)
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.9))))
    grain = np.float32(rng.uniform(1, 6)) * rng.standard_normal((height, width, 1), np.float32)
    pixels = np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)
    return Photo(Image.fromarray(pixels), int(rng.integers(*QUALITY)), landmarks)


def draw_place(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A background of soft light and coloured shapes, `width` by `height` pixels."""
    w, h = width // BACKGROUND_STEP, height // BACKGROUND_STEP
    light = noise(rng, (h, w), 3, 4)[..., None] * 0.1 + rng.uniform(0.2, 0.75) + rng.uniform(-0.12, 0.12, 3)
    image = Image.fromarray((np.clip(light, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.uniform(0, width) / BACKGROUND_STEP, rng.uniform(0, height) / BACKGROUND_STEP
        across, down = rng.uniform(5, 50), rng.uniform(5, 65)
        shape = draw.rectangle if rng.random() < 0.7 else draw.ellipse
        shape((x, y, x + across, y + down), fill=_any_colour(rng))
    blurred = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.5))))
    return blurred.resize((width, height), Image.Resampling.BILINEAR)


def _any_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in rng.integers(20, 235, 3))
    return red, green, blue


def _paste_person(
    image: Image.Image, person: Identity, rng: np.random.Generator, head: float, slot: float, middle: float
) -> npt.NDArray[np.float64]:
    """Put a person with a head `head` pixels wide near x = `middle`; returns the landmarks."""
    bust = draw_bust(person, draw_view(rng), head)
    picture, height = bust.picture, image.height
    x = middle + rng.uniform(-0.5, 0.5) * max(0, slot - 1.35 * head)
    y = rng.uniform(0.85 * head, max(0.86 * head, height - 0.95 * head))
    left, top = int(x - picture.width / 2), int(y - CENTRE_Y * head / 2)
    image.paste(picture, (left, top), picture)
    if top + picture.height < height:  # the chest goes on to the lower edge
        strip = picture.crop((0, picture.height - 2, picture.width, picture.height - 1))
        strip = strip.resize((picture.width, height - top - picture.height + 1))
        image.paste(strip, (left, height - strip.height), strip)
    marks: npt.NDArray[np.float64] = bust.landmarks + np.array([left, top])
    return marks


def _cover_part(image: Image.Image, rng: np.random.Generator, marks: npt.NDArray[np.float64], head: float) -> None:
    """Put something round over the rim of a face."""
    direction = rng.uniform(0, 2 * np.pi)
    x, y = marks.mean(0) + head * 0.62 * np.array([math.cos(direction), math.sin(direction)])
    radius = rng.uniform(0.12, 0.25) * head
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=_any_colour(rng))


def _box(marks: npt.NDArray[np.float64], width: int, height: int) -> Box:
    unit = float(np.linalg.norm(marks[3:].mean(0) - marks[:2].mean(0)))
    (x, y), (w, h) = marks.mean(0), (FACE_WIDTH * unit, FACE_HEIGHT * unit)
    y -= FACE_RISE * unit
    left, right = np.clip([(x - w / 2) / width, (x + w / 2) / width], 0, 1).tolist()
    top, bottom = np.clip([(y - h / 2) / height, (y + h / 2) / height], 0, 1).tolist()
    return left, top, right - left, bottom - top
