"""Vectors of labelled photos, of crops without a face and of the detector's own mistakes, to calibrate a network on.

The photos go through the very functions that a build uses: decoding, detection, alignment, embedding.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from profiling.alignment import cut_chips
from profiling.decoding import PhotoRefused, decode_photo
from profiling.detection import Detector
from profiling.embedding.embedder import Embedder
from profiling.errors import ModelError
from profiling.settings import ClusteringSettings, DecodingSettings

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
PHOTOS_AT_ONCE = 32  # decoded pixels held: 100 MB at the largest
CROPS = 40  # random crops of each photo without a face
LEAST_CROP = 24  # pixels; about what the detector's smallest finds measure
SEED = 7  # of the crops, with the photo's name

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Decoded = tuple[int, Pixels]  # place of a photo in the list given, pixels
Cut = tuple[int, Pixels]  # place of a photo, chips [n, size, size, 3]
Tick = Callable[[int], None]  # told how many photos are done


@dataclass(frozen=True)
class Sample:
    """n chips: `vectors` [n, dim] unit, `norms` [n], `features` [n, k], `photo` [n] places in the list of photos."""

    vectors: Floats
    norms: Floats
    features: Floats
    photo: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, dim: int, features: int) -> Sample:
        """No chips."""
        vectors, norms, read = (np.zeros(shape, np.float32) for shape in ((0, dim), (0,), (0, features)))
        return cls(vectors, norms, read, np.zeros(0, np.int64))

    def part(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Sample:
        """The chips that `rows`, a mask or places, picks."""
        return Sample(self.vectors[rows], self.norms[rows], self.features[rows], self.photo[rows])


def photos_in(folder: Path) -> list[Path]:
    """All photos in `folder` and its subfolders, sorted by their path.

    Raises
    ------
    ModelError
        There is no such folder, or no photo in it.
    """
    found = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not found:
        raise ModelError(f"{folder}: no photos in it; calibration needs three folders, see README, 'Models'")
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def central_faces(photos: Sequence[Path], detector: Detector, embedder: Embedder, tick: Tick) -> Sample:
    """Of each photo the face nearest to its centre; photos without a sure face, or unreadable, are left out."""

    def cut(decoded: Sequence[Decoded]) -> Iterator[Cut]:
        for (place, pixels), found in zip(decoded, detector.detect([p for _, p in decoded]), strict=True):
            middle = np.array(pixels.shape[1::-1], np.float32) / 2
            away = np.linalg.norm((found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - middle, axis=1)
            away[found.scores < ClusteringSettings().min_score] = np.inf
            if np.isfinite(away).any():
                nearest = found.landmarks[away.argmin()][None]
                yield place, cut_chips(pixels, nearest, embedder.entry.chip)

    return _collect(photos, cut, embedder, tick)


def false_finds(photos: Sequence[Path], detector: Detector, embedder: Embedder, tick: Tick) -> Sample:
    """All that the detector takes for faces on photos that show none."""

    def cut(decoded: Sequence[Decoded]) -> Iterator[Cut]:
        for (place, pixels), found in zip(decoded, detector.detect([p for _, p in decoded]), strict=True):
            if len(found.scores):
                yield place, cut_chips(pixels, found.landmarks, embedder.entry.chip)

    return _collect(photos, cut, embedder, tick)


def random_crops(photos: Sequence[Path], embedder: Embedder, tick: Tick, count: int = CROPS) -> Sample:
    """`count` square crops of each photo, of any place and size, scaled to the network's chip.

    A photo's crops depend on its pixels and its file's name, not on the other photos.
    """
    size = embedder.entry.chip.size

    def cut(decoded: Sequence[Decoded]) -> Iterator[Cut]:
        for place, pixels in decoded:
            random = np.random.default_rng([SEED, zlib.crc32(photos[place].name.encode())])
            photo = Image.fromarray(pixels)
            boxes = [_square(random, *photo.size) for _ in range(count)]
            crops = [photo.resize((size, size), Image.Resampling.BICUBIC, box) for box in boxes]
            yield place, np.stack([np.asarray(crop) for crop in crops])

    return _collect(photos, cut, embedder, tick)


def _collect(
    photos: Sequence[Path], cut: Callable[[Sequence[Decoded]], Iterator[Cut]], embedder: Embedder, tick: Tick
) -> Sample:
    """Decode, cut and embed run by run: no more than the chips of `PHOTOS_AT_ONCE` photos are held."""
    entry = embedder.entry
    parts = [Sample.empty(entry.dim, entry.features)]
    for start in range(0, len(photos), PHOTOS_AT_ONCE):
        cuts = list(cut(_decode(photos, start)))
        if cuts:
            out = embedder.embed(np.concatenate([chips for _, chips in cuts]))
            places = np.repeat([place for place, _ in cuts], [len(chips) for _, chips in cuts])
            parts.append(Sample(out.vectors, out.norms, out.features, places.astype(np.int64)))
        tick(min(start + PHOTOS_AT_ONCE, len(photos)))
    return Sample(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Sample)))


def _square(random: np.random.Generator, width: int, height: int) -> tuple[float, float, float, float]:
    """A box of any place; sides are equally likely in each octave."""
    largest = min(width, height)
    side = math.exp(random.uniform(math.log(min(LEAST_CROP, largest)), math.log(largest)))
    left, top = random.uniform(0, width - side), random.uniform(0, height - side)
    return left, top, left + side, top + side


def _decode(photos: Sequence[Path], start: int) -> list[Decoded]:
    """Those of the next `PHOTOS_AT_ONCE` photos that can be read; callers count the others by what is missing."""
    settings = DecodingSettings()
    decoded: list[Decoded] = []
    for place, path in enumerate(photos[start : start + PHOTOS_AT_ONCE], start):
        try:
            decoded.append((place, decode_photo(path.read_bytes(), settings).pixels))
        except (PhotoRefused, OSError):
            continue
    return decoded
