"""Decoding: bytes to upright RGB of at most 1,024 pixels and two hashes, beside plain Pillow; its share of the work.

    python benchmarks/bench_decode.py [--repeats 7] [--tiny]

JPEGs of 12 megapixels and of 2 megapixels (a *rendition*, as networks keep beside the original) are real photos scaled
up or down; the third case is a population's own photos. Plain Pillow opens, turns, converts and resizes with the
filter that we use, without hashes. The pool is two processes on two cores. The last case sets decoding beside
detection and embedding of the same photos, in one process.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from harness import Case, Side, options, run
from photos import DATA, FOLDERS
from PIL import Image, ImageOps
from real_populations import real_population

from profiling.alignment import cut_chips
from profiling.decoding import DecodedPhoto, decode_photo
from profiling.detection import Detector
from profiling.embedding import get_model
from profiling.embedding.embedder import Embedder
from profiling.settings import DecodingSettings, DetectionSettings
from ray_tasks.decoders import DecoderPool

SETTINGS = DecodingSettings()
PHONE, RENDITION = (4032, 3024), (1600, 1200)  # pixels: the commonest phone photo, and what networks show
QUALITY = 90  # of the JPEGs that are made


def made_jpegs(size: tuple[int, int], count: int) -> list[bytes]:
    """Real photos of albums at one size, as JPEG."""
    paths = sorted(path for folder in FOLDERS for path in (DATA / folder).rglob("*.jpg"))
    files = []
    for path in paths[:: max(1, len(paths) // count)][:count]:
        file = io.BytesIO()
        Image.open(path).convert("RGB").resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=QUALITY)
        files.append(file.getvalue())
    return files


def plain_pillow(data: bytes) -> np.ndarray:
    """What people write."""
    photo = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    photo.thumbnail((SETTINGS.max_side, SETTINGS.max_side), Image.Resampling.LANCZOS)
    return np.asarray(photo)


def same_pictures(*sides: Sequence[Any]) -> None:
    """Sizes within libjpeg's step of one another, and the same picture: thumbnails differ by less than 4 levels."""
    for row in zip(*sides, strict=True):
        small = [Image.fromarray(getattr(each, "pixels", each)).resize((32, 32), Image.Resampling.BOX) for each in row]
        levels = [np.asarray(each, float) for each in small]
        assert all(np.abs(levels[0] - each).mean() < 4 for each in levels[1:])


def case(name: str, files: Sequence[bytes], folder: Path, wanted: float | None = None) -> Case:
    """Ours in this process, ours in two processes, plain Pillow."""
    for number, data in enumerate(files):
        (folder / f"{number:04}.jpg").write_bytes(data)
    pool, uris = DecoderPool(2, str(folder), SETTINGS), [f"{number:04}.jpg" for number in range(len(files))]
    sides = [
        Side("kith", lambda: [decode_photo(data, SETTINGS) for data in files]),
        Side("kith, pool of two", lambda: [photo for _, photo in pool.decode(uris)]),
        Side("plain Pillow", lambda: [plain_pillow(data) for data in files]),
    ]
    return Case(name, len(files), "photos", sides, same_pictures, {"plain Pillow": wanted} if wanted else {})


def share_case(files: Sequence[bytes], model: str) -> Case:
    """Decoding, then detecting, then embedding of the same photos: a share is a side's time over the sum."""
    entry, detector = get_model(model), Detector.load(DetectionSettings())
    embedder = Embedder.load(model)
    photos: list[DecodedPhoto] = [decode_photo(data, SETTINGS) for data in files]
    found = detector.detect([photo.pixels for photo in photos])
    chips = [cut_chips(photo.pixels, each.landmarks, entry.chip) for photo, each in zip(photos, found, strict=True)]
    sides = [
        Side("decode", lambda: [decode_photo(data, SETTINGS) for data in files]),
        Side("detect", lambda: detector.detect([photo.pixels for photo in photos])),
        Side(
            "align",
            lambda: [cut_chips(*pair, entry.chip) for pair in _pairs(photos, [each.landmarks for each in found])],
        ),
        Side(f"embed with {model}", lambda: embedder.embed(np.concatenate(chips))),
    ]
    return Case("share of the pipeline, 12 megapixels", len(files), "photos", sides, lambda *_: None)


def _pairs(photos: Sequence[DecodedPhoto], landmarks: Sequence[Any]) -> list[tuple[Any, Any]]:
    return [(photo.pixels, points) for photo, points in zip(photos, landmarks, strict=True)]


def main() -> None:
    """Measure, print, keep."""
    given = options(__doc__ or "", repeats=5).parse_args()
    torch.set_num_threads(1)
    count = 2 if given.tiny else 12
    own = sorted((real_population(20 if given.tiny else 300) / "images").glob("*.jpg"))
    own = own[:: max(1, len(own) // (count * 10))]
    phone = made_jpegs(PHONE, count)
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / name for name in ("phone", "rendition", "own")]
        for folder in folders:
            folder.mkdir()
        cases = [
            case("JPEG of 12 megapixels", phone, folders[0]),
            case("JPEG of 2 megapixels", made_jpegs(RENDITION, count), folders[1]),
            case("the population's photos", [path.read_bytes() for path in own], folders[2]),
            share_case(phone, "dlib"),
        ]
        run("decode", "Decoding: bytes to pixels, a thread or two processes", cases, given)


if __name__ == "__main__":
    main()
