"""Description files: what `kith models add` writes is what the registry reads, and a broken one is one clear line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from profiling.embedding import MODELS, find_weights, get_model, list_models
from profiling.embedding.describing import Stated, add_network
from profiling.embedding.descriptions import Description, read_description
from profiling.embedding.embedder import Embedder
from profiling.embedding.iresnet import IResNet
from profiling.embedding.registry import MODELS_FOLDER
from profiling.errors import ModelError

TEMPLATE = ((30.0, 40.0), (80.0, 40.0), (56.0, 65.0), (36.0, 90.0), (76.0, 90.0))
SHALLOW = (3, 4, 14, 3)
PLAIN = Description(
    id="mine",
    layout="iresnet50",
    weights="w.safetensors",
    weights_bytes=5,
    sha256="0" * 64,
    dim=64,
    features=1792,
    size=112,
    template=TEMPLATE,
    colour="bgr",
    mean=(1.0, 2.0, 3.0),
    scale=(4.0, 5.0, 6.0),
)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(MODELS_FOLDER, str(folder))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of an IResNet-50 with 16 numbers."""
    path = tmp_path_factory.mktemp("own") / "backbone.safetensors"
    path.write_bytes(save(IResNet(SHALLOW, 16).state_dict()))
    return path


@given(title=st.text(st.characters(codec="utf-8"), max_size=20), scale=st.floats(0.01, 300))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, title: str, scale: float) -> None:
    written = PLAIN.model_copy(update={"title": title, "scale": (scale, 1.0, 2.0)})
    path = tmp_path_factory.mktemp("d") / "mine.model.toml"
    path.write_text(written.to_toml(), encoding="utf-8")
    assert read_description(path) == written.entry()


@pytest.mark.slow
def test_an_added_network_is_used_like_a_built_in_one(models: Path, weights: Path) -> None:
    stated = Stated(
        id="mine", layout="iresnet50", template=TEMPLATE, colour="bgr", mean=(1.0, 2.0, 3.0), licence="ours"
    )
    path = add_network(weights, stated)
    entry = get_model("mine")
    assert path == models / "mine.model.toml"
    assert (entry.dim, entry.features, entry.chip.template, entry.colour) == (16, 1792, TEMPLATE, "bgr")
    assert (entry.mean, entry.scale, entry.licence) == ((1.0, 2.0, 3.0), (127.5, 127.5, 127.5), "ours")
    assert find_weights(entry).read_bytes() == weights.read_bytes()
    out = Embedder.load("mine").embed(np.full((3, 112, 112, 3), 90, np.uint8))
    assert np.allclose(np.linalg.norm(out.vectors, axis=1), 1, atol=1e-5)
    assert list(list_models()[0]) == [*MODELS, "mine"]
    with pytest.raises(ModelError, match="describes it already"):
        add_network(weights, stated)
    add_network(weights, replace(stated, colour="rgb"), replace=True)
    assert get_model("mine").colour == "rgb"
    assert get_model("mine").vectors_id != entry.vectors_id  # the same weights, other vectors
    assert get_model("mine").sha256 == entry.sha256


def test_weights_inside_the_folder_stay_where_they_are(models: Path, weights: Path) -> None:
    inside = models / "deep" / "w.bin"
    inside.parent.mkdir()
    inside.write_bytes(weights.read_bytes())
    assert add_network(inside, Stated(id="mine", layout="iresnet50")) == models / "deep" / "mine.model.toml"
    assert find_weights(get_model("mine")) == inside
    assert len(list(models.rglob("*"))) == 3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": "dlib"}, "'dlib': is built in"),
        ({"id": "a b"}, "^id: "),
        ({"layout": "iresnet9"}, "'iresnet9': unknown; choose one of iresnet50"),
        ({"layout": "iresnet100"}, "iresnet100: .*missing"),
        ({"layout": "onnx"}, "cannot load the file"),
        ({"size": 128}, "cannot run chips of 128 pixels"),
        ({"dim": 512}, "gives 16 numbers, not 512"),
        ({"scale": (1.0, 0.0, 1.0)}, "^scale: .*may be 0"),
        ({"points": (1,)}, "at least two"),
    ],
)
def test_what_is_not_so_is_refused_and_nothing_is_written(
    models: Path, weights: Path, change: dict[str, object], fault: str
) -> None:
    with pytest.raises(ModelError, match=fault) as caught:
        add_network(weights, replace(Stated(id="mine", layout="iresnet50"), **change))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not list(models.iterdir())


def test_without_a_folder_of_models_nothing_can_be_added(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODELS_FOLDER, raising=False)
    with pytest.raises(ModelError, match=r"^KITH_MODELS names no folder"):
        add_network(weights, Stated(id="mine", layout="iresnet50"))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("dim = 64\n", "", r"dim: Field required"),
        ("dim = 64", 'dim = "many"', r"dim: .*integer"),
        ("dim = 64", "dim = 64\ncolor = 1", r"color: "),
        ('"bgr"', '"bgrr"', r"colour: "),
        ("dim = 64", "dim = ", r"cannot be read as a description"),
        ('"mine"', '"yours"', r"describes 'yours', and its name says 'mine'"),
        ("[0, 1, 2, 3, 4]", "[0, 9]", r"name at least two"),
    ],
)
def test_a_broken_description_is_one_line_and_hides_no_other_model(
    models: Path, old: str, new: str, fault: str
) -> None:
    good, broken = models / "good.model.toml", models / "mine.model.toml"
    good.write_text(PLAIN.model_copy(update={"id": "good"}).to_toml())
    text = PLAIN.to_toml().replace(old, new)
    broken.write_text(text)
    entries, faults = list_models()
    assert "good" in entries
    assert "mine" not in entries
    assert len(faults) == 1
    with pytest.raises(ModelError, match=fault) as caught:
        get_model("mine")
    assert str(caught.value) == str(faults[0])
    assert str(broken) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_description_never_stands_for_a_built_in_network(models: Path) -> None:
    (models / "dlib.model.toml").write_text(PLAIN.model_copy(update={"id": "dlib"}).to_toml())
    entries, faults = list_models()
    assert entries["dlib"] == get_model("dlib") == MODELS["dlib"]
    assert "'dlib' is built in" in str(faults[0])


def test_two_descriptions_of_one_id_are_named(models: Path) -> None:
    (models / "sub").mkdir()
    for folder in (models, models / "sub"):
        (folder / "mine.model.toml").write_text(PLAIN.to_toml())
    with pytest.raises(ModelError, match=r"described twice, .*mine\.model\.toml and .*sub"):
        get_model("mine")


def test_an_unknown_model_names_the_described_ones(models: Path) -> None:
    (models / "mine.model.toml").write_text(PLAIN.to_toml())
    with pytest.raises(ModelError, match=r"choose one of: dlib, .*mine \(kith models list\)"):
        get_model("theirs")
