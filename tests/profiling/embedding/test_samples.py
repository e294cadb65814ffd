"""Vectors to calibrate on: from the right photos, the right faces, whatever else lies in the folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profiling.detection import Detector
from profiling.embedding.embedder import Embedder
from profiling.embedding.samples import central_faces, false_finds, photos_in, random_crops
from profiling.errors import ModelError
from profiling.settings import DetectionSettings
from profiling.weights import prepare_weights
from tests.profiling.embedding.conftest import SHARED, draw_chip


def silent(_: int) -> None:
    """Nobody wants to know."""


@pytest.fixture(scope="module")
def detector() -> Detector:
    """MTCNN as a build runs it."""
    prepare_weights()
    return Detector.load(DetectionSettings())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five drawn pictures, one damaged file, one that is no photo."""
    for seed, name in enumerate(("b/1.png", "a.png", "b/0.PNG", "c.jpg", "b.png")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(draw_chip(4 * seed + 1, 90 + 7 * seed)).save(path)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff damaged")
    (tmp_path / "notes.txt").write_text("no photo")
    return tmp_path


def test_photos_come_sorted_by_their_path(folder: Path) -> None:
    names = [path.relative_to(folder).as_posix() for path in photos_in(folder)]
    assert names == ["a.png", "b/0.PNG", "b/1.png", "b.png", "broken.jpg", "c.jpg"]


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_photos_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no photos") as caught:
        photos_in(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_crops_of_a_photo_do_not_depend_on_the_other_photos(folder: Path, embedder: Embedder) -> None:
    photos = photos_in(folder)
    whole = random_crops(photos, embedder, silent, count=3)
    assert np.array_equal(whole.photo, np.repeat([0, 1, 2, 3, 5], 3))  # the broken one is left out
    alone = random_crops(photos[5:], embedder, silent, count=3)
    assert np.array_equal(alone.vectors, whole.vectors[whole.photo == 5])
    assert len(np.unique(whole.vectors, axis=0)) == len(whole.vectors)


def test_pictures_without_faces_give_none(folder: Path, embedder: Embedder, detector: Detector) -> None:
    sample = central_faces(photos_in(folder)[4:5], detector, embedder, silent)
    assert sample.vectors.shape == (0, embedder.entry.dim)
    assert sample.features.shape == (0, embedder.entry.features)


def test_progress_counts_every_photo(folder: Path, embedder: Embedder) -> None:
    told: list[int] = []
    random_crops(photos_in(folder), embedder, told.append, count=1)
    assert told[-1] == 6


@pytest.mark.data
def test_the_face_in_the_middle_is_taken(tmp_path: Path, embedder: Embedder, detector: Detector) -> None:
    photos = sorted((SHARED / "lfw_dev").glob("*/*_0001.jpg"))[:3]
    if len(photos) < 3:
        pytest.skip(f"no photos in {SHARED / 'lfw_dev'}")
    alone = central_faces(photos, detector, embedder, silent)
    assert len(alone.photo) == 3
    left, middle, right = (Image.open(path).convert("RGB") for path in photos)
    wide = Image.new("RGB", (750, 250))
    for place, photo in enumerate((left, middle, right)):
        wide.paste(photo, (250 * place, 0))
    wide.save(tmp_path / "wide.png")
    found = central_faces([tmp_path / "wide.png"], detector, embedder, silent)
    assert int((alone.vectors @ found.vectors[0]).argmax()) == 1
    every = false_finds([tmp_path / "wide.png"], detector, embedder, silent)
    assert len(every.photo) >= 3
