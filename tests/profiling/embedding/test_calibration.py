"""The calibration's file: equal bytes for equal numbers, and nothing read that is damaged or another network's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from profiling.demographics import LinearProbe
from profiling.embedding import MODELS, Calibration, ModelEntry, get_model, load_calibration
from profiling.embedding.calibration import SHIPPED, calibration_file, read_calibration
from profiling.embedding.registry import MODELS_FOLDER, find_weights
from profiling.errors import ModelError

SHIPPED_BYTES = 200_000  # at most, for a file in the repository


@pytest.fixture
def made() -> Calibration:
    """A calibration of made-up numbers for dlib's weights."""
    random = np.random.default_rng(0)
    entry = get_model("dlib")

    def probe() -> LinearProbe:
        mean, scale, slope = (random.normal(1, 0.1, entry.features).astype(np.float32) for _ in range(3))
        return LinearProbe(mean, scale, slope, 0.25)

    return Calibration(
        model_id=entry.id,
        weights_sha256=entry.sha256,
        dim=entry.dim,
        nonface_centroids=random.normal(size=(14, entry.dim)).astype(np.float32),
        nonface_cut=0.5,
        age_probe=probe(),
        gender_probe=probe(),
        eps_curve=((2.0, 0.08), (8.0, 0.06), (32.0, 0.05)),
        thresholds={"0.001": 0.9},
        provenance={"date": "2001-01-01", "place": "Ünïcode"},
    )


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """dlib's weights under another id, in a folder of one's own."""
    entry = replace(get_model("dlib"), id="elsewhere", package=None)
    (tmp_path / "weights").write_bytes(find_weights(get_model("dlib")).read_bytes())
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    monkeypatch.setitem(MODELS, entry.id, entry)
    return entry


def test_a_file_comes_back_whole_and_equal_calibrations_are_equal_bytes(made: Calibration, tmp_path: Path) -> None:
    made.save(tmp_path / "a")
    again = read_calibration(tmp_path / "a", get_model("dlib"))
    again.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert again.id == made.id
    assert again.eps_curve == made.eps_curve
    assert again.thresholds == made.thresholds
    assert again.provenance == made.provenance
    features = np.random.default_rng(1).normal(size=(5, get_model("dlib").features)).astype(np.float32)
    assert np.array_equal(again.age(features), made.age(features))
    assert np.array_equal(again.female(features), made.female(features))


def test_the_id_changes_with_every_number_but_not_with_the_provenance(made: Calibration) -> None:
    centroids = made.nonface_centroids.copy()
    centroids[3, 7] = np.nextafter(centroids[3, 7], np.float32(9))
    others = [
        replace(made, nonface_cut=0.51),
        replace(made, nonface_centroids=centroids),
        replace(made, age_probe=replace(made.age_probe, intercept=0.26)),
        replace(made, gender_probe=made.age_probe),
        replace(made, eps_curve=((2.0, 0.081), *made.eps_curve[1:])),
        replace(made, thresholds={"0.001": 0.91}),
        replace(made, weights_sha256="0" * 64),
    ]
    assert len({made.id, *(other.id for other in others)}) == len(others) + 1
    assert replace(made, provenance={}).id == made.id


@given(st.lists(st.integers(0, 1000), max_size=20))
def test_eps_is_interpolated_between_the_points_of_its_curve(people: list[int]) -> None:
    curve = ((2.0, 0.08), (8.0, 0.06), (32.0, 0.05))
    probe = LinearProbe(np.zeros(1, np.float32), np.ones(1, np.float32), np.ones(1, np.float32), 0.0)
    one = Calibration("m", "0", 1, np.zeros((1, 1), np.float32), 0.1, probe, probe, curve, {})
    eps = one.eps_for(np.array(people, np.int64))
    assert eps.shape == (len(people),)
    assert eps.dtype == np.float32
    assert ((eps >= np.float32(0.05)) & (eps <= np.float32(0.08))).all()
    assert np.array_equal(np.sort(eps)[::-1], eps[np.argsort(people, kind="stable")])  # more people, stricter
    assert np.allclose(one.eps_for([0, 1, 2, 4, 8, 16, 32, 99]), [0.08, 0.08, 0.08, 0.07, 0.06, 0.055, 0.05, 0.05])


def test_a_constant_curve_is_constant(made: Calibration) -> None:
    assert np.array_equal(replace(made, eps_curve=((1.0, 0.06),)).eps_for([0, 1, 50]), np.full(3, 0.06, np.float32))


@pytest.mark.parametrize("change", [{"weights_sha256": "ab" * 32}, {"dim": 64}])
def test_a_calibration_of_other_weights_is_refused(
    made: Calibration, tmp_path: Path, change: dict[str, object]
) -> None:
    replace(made, **change).save(tmp_path / "file")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"belongs to model dlib .* kith models calibrate dlib") as caught:
        read_calibration(tmp_path / "file", get_model("dlib"))
    assert "\n" not in str(caught.value)


def test_changed_numbers_are_noticed(made: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "file"
    made.save(path)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        read_calibration(path, get_model("dlib"))


def test_a_file_cut_short_or_of_another_kind_is_refused(made: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "file"
    made.save(path)
    data = path.read_bytes()
    for other in (data[:-1], data[:100], b"", b"text", save({"x": np.zeros(3, np.float32)})):
        path.write_bytes(other)
        with pytest.raises(ModelError, match="kith models calibrate dlib") as caught:
            read_calibration(path, get_model("dlib"))
        assert "\n" not in str(caught.value)


def test_a_later_format_is_refused(made: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "file"
    made.save(path)
    text = json.dumps({"format": 99})
    path.write_bytes(save(load(path.read_bytes()), metadata={"calibration": text}))
    with pytest.raises(ModelError, match="format 99"):
        read_calibration(path, get_model("dlib"))


def test_one_beside_the_weights_wins_over_the_shipped_one(
    made: Calibration, elsewhere: ModelEntry, tmp_path: Path
) -> None:
    shipped = load_calibration("elsewhere")
    made.save(calibration_file(elsewhere, tmp_path))
    assert load_calibration("elsewhere").id == made.id != shipped.id


def test_a_model_without_calibration_is_refused_with_the_command_that_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"other weights"
    (tmp_path / "w").write_bytes(data)
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    sha256 = hashlib.sha256(data).hexdigest()
    bare = replace(get_model("dlib"), id="bare", package=None, weights_bytes=len(data), sha256=sha256)
    monkeypatch.setitem(MODELS, "bare", bare)
    with pytest.raises(ModelError, match=r"no calibration .*: kith models calibrate bare$"):
        load_calibration("bare")


def test_every_shipped_calibration_is_small_and_belongs_to_a_registered_network() -> None:
    files = {path.name for path in SHIPPED.glob("*.safetensors")}
    assert files == {calibration_file(entry, SHIPPED).name for entry in MODELS.values()}
    for entry in MODELS.values():
        path = calibration_file(entry, SHIPPED)
        assert path.stat().st_size < SHIPPED_BYTES
        calibration = read_calibration(path, entry)
        assert calibration.nonface_centroids.shape == (14, entry.dim)
        assert 0 < calibration.nonface_cut < 2
        assert calibration.age_probe.mean.shape == (entry.features,)
        assert {"date", "data", "measured", "detector"} <= set(calibration.provenance)
        assert b"/" not in json.dumps(calibration.provenance["data"]).encode()  # folder names, no paths
