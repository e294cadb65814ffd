"""Chips show the face where the template wants it, without aliasing, whatever the other faces are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from profiling.alignment import cut_chips, fit_similarities, sharpness
from profiling.chips import ChipSpec

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DLIB = ChipSpec(150, ((46.95, 44.77), (101.39, 44.70), (74.33, 78.78), (49.35, 99.98), (99.62, 99.86)), (0, 1, 2))
FIVE = ChipSpec(112, ((38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)))
SPECS = pytest.mark.parametrize("spec", [DLIB, FIVE])

Floats = npt.NDArray[np.float64]


def placed(spec: ChipSpec, scale: float, angle: float, shift: tuple[float, float]) -> Floats:
    """Landmarks that a known similarity makes of the template: [5, 2]."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved: Floats = np.asarray(spec.template) @ turn.T + np.asarray(shift)
    return moved


def noise(seed: int, height: int = 180, width: int = 240) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@SPECS
@settings(deadline=None)
@given(scale=st.floats(0.05, 20), angle=st.floats(-3.1, 3.1), x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_a_known_similarity_is_found(spec: ChipSpec, scale: float, angle: float, x: float, y: float) -> None:
    landmarks = placed(spec, scale, angle, (x, y))
    matrices, usable = fit_similarities(landmarks[None], spec)
    assert usable.all()
    mapped = np.asarray(spec.template) @ matrices[0, :, :2].T + matrices[0, :, 2]
    np.testing.assert_allclose(mapped, landmarks, atol=1e-6)


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_noisy_landmarks_get_the_least_squares_similarity(seed: int) -> None:
    rng = np.random.default_rng(seed)
    landmarks = placed(FIVE, 1.3, 0.4, (20, 30)) + rng.normal(0, 4, (5, 2))
    # oracle: a photo-to-chip similarity is linear in (a, b, tx, ty), so numpy's solver finds the best one
    system, goal = [], []
    for (x, y), (u, v) in zip(landmarks, FIVE.template, strict=True):
        system += [[x, -y, 1, 0], [y, x, 0, 1]]
        goal += [u, v]
    a, b, tx, ty = np.linalg.lstsq(np.array(system), np.array(goal), rcond=None)[0]
    to_chip = np.array([[a, -b, tx], [b, a, ty], [0, 0, 1]])
    matrices, _ = fit_similarities(landmarks[None], FIVE)
    np.testing.assert_allclose(matrices[0], np.linalg.inv(to_chip)[:2], atol=1e-6)


@SPECS
def test_landmarks_on_the_template_copy_the_photo(spec: ChipSpec) -> None:
    photo = noise(1)
    chip = cut_chips(photo, np.asarray(spec.template)[None] + [7.0, 11.0], spec)[0]
    expected = photo[11 : 11 + spec.size, 7 : 7 + spec.size]
    assert np.abs(chip.astype(int) - expected).max() <= 1


def test_outside_the_photo_is_mid_grey() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    chip = cut_chips(white, np.asarray(DLIB.template)[None] - 75.0, DLIB)[0]
    assert (chip[:74, :74] == 128).all()
    assert (chip[76:, 76:] == 255).all()
    assert (cut_chips(white, np.asarray(DLIB.template)[None] + 5000.0, DLIB) == 128).all()


def test_shrinking_averages_fine_texture_away() -> None:
    checks = (np.indices((900, 900)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    chip = cut_chips(checks, np.asarray(DLIB.template)[None] * 5.0 + 20.0, DLIB)[0]
    assert np.abs(chip.astype(float) - 127.5).max() < 16
    assert sharpness(chip[None])[0] < 0.05 * sharpness(checks[None, :150, :150])[0]


@pytest.mark.parametrize("value", [0.0, 50.0, 1e30, np.nan, np.inf])
def test_landmarks_that_fit_no_transform_give_a_grey_chip(value: float) -> None:
    landmarks = np.stack([np.full((5, 2), value), placed(DLIB, 0.8, 0.1, (30, 20))])
    chips = cut_chips(noise(2), landmarks.astype(np.float32), DLIB)
    assert (chips[0] == 128).all()
    assert chips[1].std() > 10


def test_no_faces_are_no_chips() -> None:
    assert cut_chips(noise(3), np.zeros((0, 5, 2), np.float32), DLIB).shape == (0, 150, 150, 3)
    assert sharpness(np.zeros((0, 150, 150, 3), np.uint8)).shape == (0,)


@pytest.mark.parametrize("shape", [(1, 1), (20, 1024), (1024, 3)])
def test_photos_of_any_shape_are_taken(shape: tuple[int, int]) -> None:
    photo = noise(4, *shape)
    photo.flags.writeable = False
    assert cut_chips(photo, placed(DLIB, 0.1, 0.0, (0, 0))[None], DLIB).shape == (1, 150, 150, 3)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000))
def test_a_chip_has_the_same_bits_in_any_company(seed: int) -> None:
    rng = np.random.default_rng(seed)
    faces = np.stack(
        [placed(DLIB, rng.uniform(0.2, 3), rng.uniform(-1, 1), tuple(rng.uniform(-50, 150, 2))) for _ in range(9)]
    ).astype(np.float32)
    photo = noise(seed)
    together = cut_chips(photo, faces, DLIB)
    order = rng.permutation(9)
    assert np.array_equal(cut_chips(photo, faces[order], DLIB), together[order])
    assert all(
        np.array_equal(cut_chips(photo, face[None], DLIB)[0], chip) for face, chip in zip(faces, together, strict=True)
    )


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    chips = np.stack([noise(seed, 40, 40) for seed in range(4)] + [np.full((40, 40, 3), 9, np.uint8)])
    grey = chips @ np.array([0.299, 0.587, 0.114])
    inner = grey[:, 1:-1, 1:-1]
    laplacian: Any = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * inner
    values = sharpness(chips)
    np.testing.assert_allclose(values, laplacian.var(axis=(1, 2)), rtol=1e-5, atol=1e-8)
    assert values[4] == 0
    assert values.dtype == np.float32


@pytest.mark.parametrize(
    "wrong", [{"size": 4}, {"template": DLIB.template[:4]}, {"points": (0,)}, {"points": (0, 5)}, {"points": (1, 1)}]
)
def test_contradictory_chips_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"chip of|template of|points"):
        ChipSpec(**{"size": 150, "template": DLIB.template, "points": (0, 1, 2)} | wrong)


@pytest.mark.data
def test_real_eyes_are_where_the_template_has_them() -> None:
    from profiling.detection import Detector
    from profiling.settings import DetectionSettings
    from profiling.weights import prepare_weights

    paths = sorted(DATA.glob("lfw_dev/*/*_0001.jpg"))[:40]
    if not paths:
        pytest.skip("real photos are missing: ../shared/data/lfw_dev")
    prepare_weights()
    detector = Detector.load(DetectionSettings())
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    roomy = ChipSpec(300, tuple((x + 75, y + 75) for x, y in DLIB.template), DLIB.points)
    chips = np.concatenate(
        [
            cut_chips(photo, found.landmarks[:1], roomy)
            for photo, found in zip(photos, detector.detect(photos), strict=True)
        ]
    )
    again = np.stack([found.landmarks[0] for found in detector.detect(list(chips)) if len(found)])
    assert len(again) > 30
    eyes_and_nose = np.median(again, axis=0)[:3]
    np.testing.assert_allclose(eyes_and_nose, np.asarray(roomy.template)[:3], atol=2.5)
