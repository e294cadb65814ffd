"""Registered networks tell real people apart, and do so best in the colour order that their entry says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from profiling.detection import Detector
from profiling.embedding import MODELS
from profiling.embedding.embedder import Embedder
from profiling.embedding.samples import central_faces
from profiling.settings import DetectionSettings
from tests.profiling.embedding.conftest import SHARED

PEOPLE, PHOTOS = 60, 2


class Told(NamedTuple):
    """How well pairs of one person and of two are told apart."""

    auc: float
    apart: float  # d': difference of the means over their common deviation


def _tell(embedder: Embedder, detector: Detector, photos: list[Path]) -> Told:
    sample = central_faces(photos, detector, embedder, lambda done: None)
    person = sample.photo // PHOTOS
    cosine, one = sample.vectors @ sample.vectors.T, person[:, None] == person
    pairs = np.triu(np.ones_like(one), 1).astype(bool)
    same, different = cosine[pairs & one], cosine[pairs & ~one]
    apart = (same.mean() - different.mean()) / np.sqrt((same.var() + different.var()) / 2)
    return Told(float((same[:, None] > different).mean()), float(apart))


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("model", sorted(MODELS))
def test_people_are_told_apart_best_in_the_entrys_colour_order(local_weights: Path, model: str) -> None:
    folders = [d for d in sorted((SHARED / "lfw_dev").iterdir()) if len(list(d.glob("*.jpg"))) >= PHOTOS]
    if not folders:
        pytest.skip(f"no photos in {SHARED / 'lfw_dev'}")
    photos = [path for folder in folders[::5][:PEOPLE] for path in sorted(folder.glob("*.jpg"))[:PHOTOS]]
    right, detector = Embedder.load(model), Detector.load(DetectionSettings())
    swapped = Embedder.load(model)
    swapped.entry = replace(right.entry, colour="rgb" if right.entry.colour == "bgr" else "bgr")
    told, wrong = (_tell(embedder, detector, photos) for embedder in (right, swapped))
    assert told.auc > 0.999
    assert told.apart > wrong.apart + 0.1
