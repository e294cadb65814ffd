"""Fitting a calibration: on photos it is deterministic and sound, and too few photos are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profiling.embedding.calibrating import fit_calibration
from profiling.embedding.calibration import load_calibration, read_calibration
from profiling.embedding.registry import get_model
from profiling.errors import ModelError
from profiling.weights import prepare_weights
from tests.profiling.embedding.conftest import SHARED, draw_chip

FACES, EMPTY, PEOPLE, PHOTOS = 240, 12, 30, 4


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A few of the shared photos; skips where there are none."""
    if not (SHARED / "utkface").is_dir():
        pytest.skip(f"no photos in {SHARED}")
    root = tmp_path_factory.mktemp("photos")
    known = [folder for folder in sorted((SHARED / "lfw_dev").iterdir()) if len(list(folder.iterdir())) >= PHOTOS]
    chosen = {
        "faces": sorted((SHARED / "utkface").iterdir())[:: 1950 // FACES][:FACES],
        "no_face": sorted((SHARED / "no_face").iterdir())[:EMPTY],
        "people": [path for folder in known[:PEOPLE] for path in sorted(folder.iterdir())[:PHOTOS]],
    }
    for name, paths in chosen.items():
        for path in paths:
            target = root / name / (path.parent.name if name == "people" else "") / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    prepare_weights()
    return root / "faces", root / "no_face", root / "people"


@pytest.mark.slow
@pytest.mark.data
def test_the_same_photos_give_the_same_bytes_and_a_sound_calibration(
    folders: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    first = fit_calibration("dlib", *folders, date="2020-02-02", progress=lambda *step: told.append(step))
    first.save(tmp_path / "a")
    fit_calibration("dlib", *folders, date="2020-02-02").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_calibration(tmp_path / "a", get_model("dlib")).id == first.id

    shipped = load_calibration("dlib")  # fitted on twenty times as many photos
    assert first.eps_for(8) == pytest.approx(shipped.eps_for(8), rel=0.35)
    assert first.nonface_cut == pytest.approx(shipped.nonface_cut, abs=0.05)
    measured = first.provenance["measured"]
    assert measured["nonfaces"]["auc_crops_faces"] > 0.99
    assert measured["probes"]["gender_right_adults"] > 0.85
    assert measured["probes"]["age_mean_error_years"] < 15
    assert first.provenance["data"]["identities"]["people"] == PEOPLE
    assert str(folders[0]) not in str(first.provenance)

    assert {step for step, _, _ in told} == {
        "crops without faces",
        "false finds",
        "faces with age and gender",
        "faces of known people",
        "eps curve",
    }
    assert all(0 <= done <= total for _, done, total in told)


def _drawn(folder: Path, names: list[str]) -> Path:
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_chip(4 * seed + 1, 64)).save(folder / name)
    return folder


def test_too_few_faces_are_one_line(tmp_path: Path) -> None:
    prepare_weights()
    faces = _drawn(tmp_path / "faces", ["30_0_1_x.png", "40_1_1_y.png", "no_label.png"])
    empty = _drawn(tmp_path / "empty", [f"{i}.png" for i in range(2)])
    known = _drawn(tmp_path / "known", ["ann/1.png", "ann/2.png", "bob/1.png"])
    with pytest.raises(ModelError, match=r"faces with age and gender found.*at least 100") as caught:
        fit_calibration("dlib", faces, empty, known)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    prepare_weights()
    with pytest.raises(ModelError, match="no photos"):
        fit_calibration("dlib", tmp_path, tmp_path, tmp_path)


@pytest.mark.data
def test_the_shipped_calibration_tells_faces_from_walls_and_women_from_men(folders: tuple[Path, Path, Path]) -> None:
    from profiling.detection import Detector
    from profiling.embedding.embedder import Embedder
    from profiling.embedding.samples import central_faces, photos_in, random_crops
    from profiling.settings import DetectionSettings

    calibration, embedder = load_calibration("dlib"), Embedder.load("dlib")
    photos = photos_in(folders[0])[::2]
    faces = central_faces(photos, Detector.load(DetectionSettings()), embedder, lambda _: None)
    crops = random_crops(photos_in(folders[1]), embedder, lambda _: None, count=10)
    assert (calibration.nonface_distance(faces.vectors) >= calibration.nonface_cut).mean() > 0.97
    assert (calibration.nonface_distance(crops.vectors) < calibration.nonface_cut).mean() > 0.99
    years = np.array([int(photos[place].name.split("_")[0]) for place in faces.photo])
    female = np.array([photos[place].name.split("_")[1] == "1" for place in faces.photo])
    assert np.abs(calibration.age(faces.features) - years).mean() < 12
    adults = years >= 18
    assert ((calibration.female(faces.features) > 0.5) == female)[adults].mean() > 0.9
