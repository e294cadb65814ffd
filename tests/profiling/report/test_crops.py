"""Thumbnails show the face, at any place of the photo, and sheets hold all of them."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from profiling.report import CROP, crop_faces
from profiling.report.crops import contact_sheet, jpeg_uri, png_uri, sheet_shape


def photo(width: int, height: int) -> np.ndarray:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)


@pytest.mark.parametrize("size", [(400, 300), (90, 1200), (3000, 2000)])
@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.3, 0.7)])
def test_middle_of_the_thumbnail_is_the_middle_of_the_face(size: tuple[int, int], centre: tuple[float, float]) -> None:
    x, y = centre
    crop = crop_faces(photo(*size), np.array([[x - 0.02, y - 0.02, 0.04, 0.04]], np.float32))[0]
    middle = crop[CROP // 2 - 1 : CROP // 2 + 1, CROP // 2 - 1 : CROP // 2 + 1].mean(axis=(0, 1))
    assert middle[:2] == pytest.approx([255 * x, 255 * y], abs=8)


def test_outside_of_the_photo_is_grey_and_the_scale_is_kept() -> None:
    crop = crop_faces(np.full((100, 100, 3), 250, np.uint8), np.array([[0.75, 0.25, 0.5, 0.5]]))[0]
    inside = (crop > 240).all(axis=2)
    assert inside.mean() == pytest.approx(1 / 2, abs=0.03)
    assert (crop[~inside] == 127).mean() > 0.95
    assert inside[:, 0].all()
    assert not inside[:, -1].any()


@pytest.mark.parametrize("box", [(0.2, 0.2, 0, 0), (5, 5, 0.1, 0.1), (np.nan, 0, 0.1, 0.1), (0, 0, np.inf, 0.1)])
def test_boxes_that_show_nothing_are_grey(box: tuple[float, ...]) -> None:
    assert (crop_faces(photo(50, 50), np.array([box])) == 127).all()


@given(st.tuples(*[st.floats(-0.5, 1.2)] * 2, *[st.floats(0, 2)] * 2), st.integers(1, 40), st.integers(1, 40))
def test_every_box_gives_a_thumbnail(box: tuple[float, ...], width: int, height: int) -> None:
    crops = crop_faces(photo(width, height), np.array([box, box]))
    assert crops.shape == (2, CROP, CROP, 3)
    assert np.array_equal(crops[0], crops[1])


def test_no_faces_give_no_thumbnails() -> None:
    assert crop_faces(photo(9, 9), np.zeros((0, 4))).shape == (0, CROP, CROP, 3)


@pytest.mark.parametrize("count", [1, 2, 5, 9, 10, 100])
def test_sheet_holds_the_thumbnails_row_by_row(count: int) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3)).astype(np.uint8)
    columns, rows = sheet_shape(count)
    sheet = contact_sheet(crops)
    assert sheet.shape == (4 * rows, 4 * columns, 3)
    for place, crop in enumerate(crops):
        top, left = 4 * (place // columns), 4 * (place % columns)
        assert np.array_equal(sheet[top : top + 4, left : left + 4], crop)


def test_uris_hold_the_picture() -> None:
    pixels = photo(30, 20)
    for uri, kind, exact in ((png_uri(pixels), "png", True), (jpeg_uri(pixels), "jpeg", False)):
        head, data = uri.split(",")
        assert head == f"data:image/{kind};base64"
        back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        assert np.abs(back.astype(int) - pixels).max() <= (0 if exact else 24)
