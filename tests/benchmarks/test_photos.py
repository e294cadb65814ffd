"""The yardstick of the detection benchmark: recall counts a true face once, and only where a box meets it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="make bench-setup installs what we compare with")

PHOTO = np.zeros((100, 100, 3), np.uint8)
FACES = np.array([[10.0, 10.0, 30.0, 30.0], [60.0, 60.0, 80.0, 80.0]])


def test_recall_meets_each_face_once() -> None:
    from photos import recall

    twice = np.array([[10, 10, 30, 30], [11, 11, 31, 31]], np.float32)
    assert recall(lambda _: FACES.astype(np.float32), [(PHOTO, FACES)]) == 1.0
    assert recall(lambda _: twice, [(PHOTO, FACES)]) == 0.5


def test_recall_is_nothing_where_boxes_lie_beside_the_faces() -> None:
    from photos import recall

    assert recall(lambda _: FACES.astype(np.float32) + 15, [(PHOTO, FACES)]) == 0.0
    assert recall(lambda _: np.zeros((0, 4), np.float32), [(PHOTO, FACES)]) == 0.0


@pytest.mark.data
def test_decoding_gives_plain_pillows_pictures() -> None:
    from bench_decode import made_jpegs, plain_pillow, same_pictures
    from photos import DATA

    from profiling.decoding import decode_photo
    from profiling.settings import DecodingSettings

    if not DATA.exists():
        pytest.skip("real photos are missing: ../shared/data")
    files = made_jpegs((1600, 1200), 1)
    ours = [decode_photo(data, DecodingSettings()) for data in files]
    same_pictures(ours, [plain_pillow(data) for data in files])
    with pytest.raises(AssertionError):
        same_pictures(ours, [255 - plain_pillow(data) for data in files])


@pytest.mark.data
@pytest.mark.slow
def test_all_detectors_find_a_portraits_face() -> None:
    pytest.importorskip("facenet_pytorch", reason="make bench-setup installs what we compare with")
    from bench_detection import case, detectors
    from photos import DATA, tile_busy_photo

    if not DATA.exists():
        pytest.skip("real photos are missing: ../shared/data")
    photo, find = tile_busy_photo(1, 250), detectors()
    assert all(len(each(photo)) == 1 for each in find.values())
    with pytest.raises(AssertionError):
        case("worse", [photo], find, dict.fromkeys(find, 1.0) | {"kith": 0.9}).same()
