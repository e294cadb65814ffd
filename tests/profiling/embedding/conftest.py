"""Chips for the tests of embedding networks: drawn ones, and real faces where there are photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter

from profiling.embedding import get_model
from profiling.embedding.embedder import Embedder
from profiling.embedding.registry import MODELS_FOLDER

SHARED = Path(__file__).parents[4] / "shared" / "data"
CHIPS = 64

Chips = npt.NDArray[np.uint8]


def draw_chip(seed: int, size: int) -> Chips:
    """A picture that no other seed gives: noise, gradients, or something like a face."""
    random = np.random.default_rng(seed)
    if seed % 4 == 0:
        return random.integers(0, 256, (size, size, 3), dtype=np.uint8)
    small = random.integers(0, 256, (int(random.integers(2, 9)),) * 2 + (3,), dtype=np.uint8)
    photo = Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)
    if seed % 4 > 1:
        draw = ImageDraw.Draw(photo)
        tone = [tuple(int(v) for v in random.integers(20, 236, 3)) for _ in range(3)]
        for (x, y, w, h), colour in zip(
            ((0.5, 0.5, 0.4, 0.48), (0.32, 0.35, 0.1, 0.05), (0.68, 0.35, 0.1, 0.05), (0.5, 0.75, 0.18, 0.05)),
            (tone[0], tone[1], tone[1], tone[2]),
            strict=True,
        ):
            cx, cy = (x + random.normal(0, 0.02)) * size, (y + random.normal(0, 0.02)) * size
            draw.ellipse((cx - w * size, cy - h * size, cx + w * size, cy + h * size), fill=colour)
    return np.asarray(photo.filter(ImageFilter.GaussianBlur(float(random.uniform(0, 2)))), np.uint8)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """dlib's network on the CPU."""
    return Embedder.load("dlib")


@pytest.fixture(scope="session")
def drawn_chips() -> Chips:
    """`CHIPS` drawn chips of dlib's size."""
    return np.stack([draw_chip(seed, get_model("dlib").chip.size) for seed in range(CHIPS)])


@pytest.fixture(scope="session")
def real_chips() -> Chips:
    """`CHIPS` real faces, roughly cut; skips where there are no photos."""
    photos = sorted((SHARED / "lfw_dev").glob("*/*.jpg"))[::70][:CHIPS]
    if len(photos) < CHIPS:
        pytest.skip(f"no photos in {SHARED / 'lfw_dev'}")
    size = get_model("dlib").chip.size
    cut = [Image.open(path).convert("RGB").crop((70, 70, 180, 180)).resize((size, size)) for path in photos]
    return np.stack([np.asarray(chip, np.uint8) for chip in cut])


@pytest.fixture
def local_weights(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights as ``KITH_MODELS``; skips where there is none."""
    folder = SHARED / "weights"
    if not folder.is_dir():
        pytest.skip(f"no weights in {folder}")
    monkeypatch.setenv(MODELS_FOLDER, str(folder))
    return folder
