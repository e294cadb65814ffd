"""One detector for all tests of detection, and photos to try it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from profiling.detection import Detector
from profiling.settings import DetectionSettings
from profiling.weights import prepare_weights

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

Photo = npt.NDArray[np.uint8]


@pytest.fixture(scope="session")
def detector() -> Detector:
    """The default detector on the CPU."""
    prepare_weights()
    return Detector.load(DetectionSettings())


@pytest.fixture(scope="session")
def read_photos() -> Callable[[str, int], list[Photo]]:
    """Read the first photos of a pattern below the shared data; skips where the data is missing."""

    def read(pattern: str, count: int) -> list[Photo]:
        paths = sorted(DATA.glob(pattern))[:count]
        if not paths:
            pytest.skip(f"real photos are missing: ../shared/data/{pattern}")
        return [np.asarray(Image.open(path).convert("RGB")) for path in paths]

    return read


@pytest.fixture(scope="session")
def groups(read_photos: Callable[[str, int], list[Photo]]) -> list[Photo]:
    """Five group photos with three to six faces each."""
    return read_photos("group_photos/bbt/*bbt[1-5].jpg", 5)
