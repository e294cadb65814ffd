"""What each part of a build costs one core: the numbers that `kith plan` multiplies.

    python benchmarks/bench_parts.py [--repeats 3] [--photos 64] [--tiny]

Decoding and detection over photos of two sizes (those of the dev population, and the same ones scaled to 1024 pixels),
for their cost has a part a photo and a part a megapixel; embedding of chips by each network whose weights are here. One
thread; seconds are those of the processor (user and system), so that others on the machine disturb little.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from harness import Case, Side, Timed, options, run
from PIL import Image
from real_populations import SHARED, real_population

from profiling.alignment import cut_chips
from profiling.decoding import decode_photo
from profiling.detection import Detector
from profiling.embedding.embedder import Embedder
from profiling.embedding.registry import MODELS_FOLDER
from profiling.errors import ModelError
from profiling.settings import DecodingSettings, DetectionSettings

LARGE = 1024  # pixels of the longer side
WINDOW = 16  # photos a call of the detector, as in a build
CHIPS = 256  # faces embedded; those found are repeated
MODELS = ("dlib", "edgeface-xs")


@dataclass(frozen=True)
class Photos:
    """Photos of one size: files and what they hold."""

    name: str
    files: list[bytes]
    pixels: list[Any]  # uint8 [H, W, 3] RGB

    @property
    def megapixels(self) -> float:
        """Mean of a decoded photo."""
        return float(np.mean([photo.shape[0] * photo.shape[1] for photo in self.pixels])) / 1e6


def read_photos(files: Sequence[Path], tiny: bool) -> list[Photos]:
    """The photos as they are, and enlarged to 1024 pixels."""
    settings = DecodingSettings()
    plain = [path.read_bytes() for path in files]
    large = [_enlarged(data) for data in plain[: len(plain) // 2]]
    sets = [("as they are", plain)] if tiny else [("as they are", plain), (f"{LARGE} pixels", large)]
    return [Photos(name, each, [decode_photo(data, settings).pixels for data in each]) for name, each in sets]


def _enlarged(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = LARGE / max(image.size)
    out = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale))).save(out, "JPEG", quality=90)
    return out.getvalue()


def on_the_processor(work: Callable[[], Any]) -> Callable[[], Timed]:
    """A side that tells its processor's seconds."""

    def measured() -> Timed:
        begun = time.process_time()
        answer = work()
        return Timed(answer, time.process_time() - begun)

    return measured


def cases(sets: Sequence[Photos]) -> list[Case]:
    """Decode, detect and embed."""
    decoding, detector = DecodingSettings(), Detector.load(DetectionSettings(), "cpu", "float32")
    found = []

    def add(name: str, units: float, unit: str, work: Callable[[], Any]) -> None:
        found.append(Case(name, units, unit, [Side("kith", on_the_processor(work))], lambda _: None))

    for photos in sets:
        about = f"{photos.name}, {photos.megapixels:.3f} megapixels"
        files, pixels = photos.files, photos.pixels
        add(f"decode, {about}", len(files), "photos", lambda files=files: [decode_photo(f, decoding) for f in files])
        windows = [pixels[start : start + WINDOW] for start in range(0, len(pixels), WINDOW)]
        add(f"detect, {about}", len(pixels), "photos", lambda windows=windows: [detector.detect(w) for w in windows])
    for model in MODELS:
        try:
            embedder = Embedder.load(model)
        except ModelError:
            continue  # its weights are not here: no figure for it
        chips = _chips(sets[0].pixels, detector, embedder)
        add(f"embed, {model}", len(chips), "faces", lambda e=embedder, c=chips: e.embed(c))
    return found


def _chips(photos: Sequence[Any], detector: Detector, embedder: Embedder) -> Any:
    found = detector.detect(photos)
    pairs = zip(photos, found, strict=True)
    cut = np.concatenate([cut_chips(photo, each.landmarks, embedder.entry.chip) for photo, each in pairs])
    return np.resize(cut, (CHIPS, *cut.shape[1:]))


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__ or "", repeats=3)
    parser.add_argument("--photos", type=int, default=64, help="of the dev population")
    given: argparse.Namespace = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    weights = SHARED / "data" / "weights"
    if weights.is_dir():
        os.environ.setdefault(MODELS_FOLDER, str(weights))
    files = sorted((real_population(300) / "images").glob("*.jpg"))
    step = max(1, len(files) // given.photos)
    chosen = files[::step][: 4 if given.tiny else given.photos]
    run("parts", "What each part of a build costs one core", cases(read_photos(chosen, given.tiny)), given)


if __name__ == "__main__":
    main()
