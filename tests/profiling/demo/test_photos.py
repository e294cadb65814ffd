"""Photos of drawn people: everyone inside, boxes around landmarks, cameras that say what they did."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from profiling.demo.cameras import PHONES, Capture, develop, draw_capture
from profiling.demo.cast import CAST
from profiling.demo.genes import draw_identity
from profiling.demo.photos import Photo, draw_photo

PEOPLE = [draw_identity(seed) for seed in CAST[:4]]


@pytest.fixture(scope="module")
def group() -> Photo:
    return draw_photo(PEOPLE, np.random.default_rng(1), size=(640, 480))


def test_boxes_hold_their_landmarks_and_lie_inside(group: Photo) -> None:
    assert len(group.boxes()) == len(PEOPLE)
    for (x, y, w, h), marks in zip(group.boxes(), group.landmarks, strict=True):
        inside = marks / [group.image.width, group.image.height]
        assert np.all(inside > [x, y])
        assert np.all(inside < [x + w, y + h])
        assert min(x, y) >= 0
        assert max(x + w, y + h) <= 1


def test_people_stand_side_by_side(group: Photo) -> None:
    middles = [marks[:, 0].mean() for marks in group.landmarks]
    assert middles == sorted(middles)


def test_a_photo_without_people_shows_a_place() -> None:
    photo = draw_photo([], np.random.default_rng(2), size=(640, 480))
    assert photo.boxes() == []
    assert np.asarray(photo.image).std() > 5


def test_a_photo_is_the_same_bytes_twice() -> None:
    one, again = (draw_photo(PEOPLE[:1], np.random.default_rng(5)).encode() for _ in range(2))
    assert one == again


def test_a_shrunk_photo_keeps_its_relative_boxes(group: Photo) -> None:
    assert np.allclose(group.shrunk(0.8).boxes(), group.boxes(), atol=0.005)


def test_a_photo_held_sideways_is_stored_sideways_and_reads_upright(group: Photo) -> None:
    capture = Capture(PHONES[0], draw_capture(np.random.default_rng(1)).taken_at, sideways=True)
    stored = Image.open(io.BytesIO(develop(group, capture, quality=95)))
    assert stored.size == (480, 640)
    upright = ImageOps.exif_transpose(stored)
    assert upright.size == (640, 480)
    assert np.abs(np.asarray(upright).astype(int) - np.asarray(group.image)).mean() < 6


def test_a_camera_writes_its_name_and_the_time(group: Photo) -> None:
    capture = draw_capture(np.random.default_rng(4), named=1.0)
    exif = Image.open(io.BytesIO(develop(group, capture))).getexif()
    assert exif[ExifTags.Base.Model] == capture.camera
    stamp = exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
    assert stamp == capture.taken_at.strftime("%Y:%m:%d %H:%M:%S")


def test_an_unknown_camera_leaves_no_header(group: Photo) -> None:
    capture = draw_capture(np.random.default_rng(4), named=0.0)
    assert capture.camera is None
    assert not capture.sideways
    assert not Image.open(io.BytesIO(develop(group, capture))).getexif()
