"""The detector finds what the slow one finds, the same bits in any company, and survives odd photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch

from profiling.detection import Detections, Detector, mtcnn
from profiling.settings import DetectionSettings
from profiling.weights import MTCNN_SHA256
from tests.profiling.detection.slow_mtcnn import SlowDetector

Photo = npt.NDArray[np.uint8]


def bits(detections: Sequence[Detections]) -> list[bytes]:
    return [found.boxes.tobytes() + found.scores.tobytes() + found.landmarks.tobytes() for found in detections]


def mosaic(tiles: list[Photo], rows: int, columns: int, side: int) -> Photo:
    """Many small faces in one photo."""
    step = tiles[0].shape[0] // side
    small = [tile[: side * step : step, : side * step : step] for tile in tiles]
    return np.concatenate(
        [np.concatenate([small[(r * columns + c) % len(small)] for c in range(columns)], 1) for r in range(rows)], 0
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (19, 19), (19, 1024), (20, 20), (20, 1024), (1024, 20), (31, 47)])
def test_photos_without_faces_have_none(detector: Detector, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    flat, noise = np.full((*shape, 3), 90, np.uint8), rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    for found in detector.detect([flat, noise]):
        assert len(found) == 0
        assert (found.boxes.shape, found.scores.shape, found.landmarks.shape) == ((0, 4), (0,), (0, 5, 2))
        assert {found.boxes.dtype, found.scores.dtype, found.landmarks.dtype} == {np.dtype(np.float32)}


def test_no_photos_give_no_detections(detector: Detector) -> None:
    assert detector.detect([]) == []


def test_read_only_and_strided_photos_are_taken(detector: Detector) -> None:
    photo = np.random.default_rng(1).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    photo.flags.writeable = False
    assert bits(detector.detect([photo[:, ::-1]])) == bits(detector.detect([np.ascontiguousarray(photo[:, ::-1])]))


def test_the_id_names_the_weights(detector: Detector) -> None:
    assert detector.id == Detector.weights_id() == f"mtcnn-{MTCNN_SHA256[:8]}"


@pytest.mark.data
@pytest.mark.slow
def test_finds_what_the_slow_detector_finds(groups: list[Photo], detector: Detector) -> None:
    slow = SlowDetector(DetectionSettings())
    for photo in groups[1:4]:
        boxes, scores, landmarks = slow.detect(photo[:, : photo.shape[1] // 2])
        found = detector.detect([photo[:, : photo.shape[1] // 2]])[0]
        assert len(boxes) >= 1
        np.testing.assert_allclose(found.boxes, boxes, atol=0.05)
        np.testing.assert_allclose(found.scores, scores, atol=1e-3)
        np.testing.assert_allclose(found.landmarks, landmarks, atol=0.05)


@pytest.mark.data
def test_bits_depend_neither_on_company_nor_order_nor_threads(
    groups: list[Photo],
    read_photos: Callable[[str, int], list[Photo]],
    detector: Detector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos = groups[1:] + read_photos("lfw_dev/*/*_0001.jpg", 10) + read_photos("no_face/*.jpg", 2)
    together = bits(detector.detect(photos))
    assert [bits(detector.detect([photo]))[0] for photo in photos] == together
    assert bits(detector.detect(photos[::-1]))[::-1] == together
    monkeypatch.setattr(mtcnn, "PHOTOS_AT_ONCE", 3)
    assert bits(detector.detect(photos)) == together
    threads = torch.get_num_threads()
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            assert bits(detector.detect(photos)) == together
    finally:
        torch.set_num_threads(threads)


@pytest.mark.data
def test_group_photos_yield_their_people_in_order(groups: list[Photo], detector: Detector) -> None:
    for found, people in zip(detector.detect(groups), (4, 3, 5, 6, 5), strict=True):
        assert np.count_nonzero(found.scores > 0.9) == people
        assert np.all(np.diff(found.scores) <= 0)


@pytest.mark.data
def test_landmarks_lie_where_a_face_has_them(groups: list[Photo], detector: Detector) -> None:
    for found in detector.detect(groups):
        left_eye, right_eye, nose, left_mouth, right_mouth = np.moveaxis(found.landmarks[found.scores > 0.9], 1, 0)
        assert np.all(left_eye[:, 0] < right_eye[:, 0])
        assert np.all(left_mouth[:, 0] < right_mouth[:, 0])
        assert np.all((left_eye[:, 1] < nose[:, 1]) & (nose[:, 1] < left_mouth[:, 1]))
        assert np.all((right_eye[:, 1] < nose[:, 1]) & (nose[:, 1] < right_mouth[:, 1]))


@pytest.mark.data
def test_nearly_every_portrait_has_its_face_in_the_middle(
    read_photos: Callable[[str, int], list[Photo]], detector: Detector
) -> None:
    photos = read_photos("lfw_dev/*/*_0001.jpg", 100)
    middle = np.array([125.0, 125.0])
    hits = sum(
        bool(np.any((found.boxes[:, :2] < middle).all(1) & (found.boxes[:, 2:] > middle).all(1)))
        for found in detector.detect(photos)
    )
    assert hits >= 0.98 * len(photos)


@pytest.mark.data
def test_landmarks_do_not_drift_with_the_size_of_the_face(
    read_photos: Callable[[str, int], list[Photo]], detector: Detector
) -> None:
    photos = read_photos("lfw_dev/*/*_0001.jpg", 60)
    halves = [np.rint(photo.reshape(125, 2, 125, 2, 3).mean((1, 3))).astype(np.uint8) for photo in photos]
    drifts = []
    for full, half in zip(detector.detect(photos), detector.detect(halves), strict=True):
        if len(full) == len(half) == 1:
            drifts.append(((full.landmarks[0] + 0.5) / 2 - 0.5) - half.landmarks[0])
    assert len(drifts) > 30
    assert np.abs(np.mean(drifts, axis=(0, 1))).max() < 0.12


@pytest.mark.data
def test_the_cap_bounds_a_crowd(read_photos: Callable[[str, int], list[Photo]]) -> None:
    crowd = mosaic(read_photos("lfw_dev/*/*_0001.jpg", 36), 12, 12, 62)
    few = Detector.load(DetectionSettings(stage1_candidates=25)).detect([crowd])[0]
    many = Detector.load(DetectionSettings(stage1_candidates=400)).detect([crowd])[0]
    assert 10 <= len(few) <= 25
    assert len(many) > 100


@pytest.mark.data
def test_bfloat16_finds_the_same_faces_nearly_there(groups: list[Photo], detector: Detector) -> None:
    rough = Detector.load(DetectionSettings(), precision="bfloat16")
    for exact, near in zip(detector.detect(groups[1:]), rough.detect(groups[1:]), strict=True):
        sure = exact.landmarks[exact.scores > 0.99]
        apart = np.linalg.norm(sure[:, None] - near.landmarks[None], axis=3).mean(axis=2).min(axis=1)
        spans = np.linalg.norm(sure[:, 1] - sure[:, 0], axis=1)
        assert np.all(apart < 0.15 * spans)


@pytest.mark.gpu
@pytest.mark.data
def test_a_gpu_finds_the_same_faces(groups: list[Photo], detector: Detector) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    for here, there in zip(
        detector.detect(groups), Detector.load(DetectionSettings(), device="cuda").detect(groups), strict=True
    ):
        np.testing.assert_allclose(there.boxes, here.boxes, atol=0.1)
        np.testing.assert_allclose(there.landmarks, here.landmarks, atol=0.1)
