"""Weights are found by package or hash, and never used when they are other bytes than the registry pins."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from profiling.embedding import MODELS, find_weights, get_model
from profiling.embedding.registry import MODELS_FOLDER, ModelEntry, read_weights
from profiling.errors import ModelError

WEIGHTS = b"numbers of a network"


@pytest.fixture
def local() -> ModelEntry:
    """A network that no package carries."""
    return replace(
        get_model("dlib"),
        id="local",
        package=None,
        weights="network.safetensors",
        weights_bytes=len(WEIGHTS),
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    )


def test_every_entry_is_complete() -> None:
    for model_id, entry in MODELS.items():
        assert entry.id == model_id
        assert len(entry.sha256) == 64
        assert entry.licence
        assert entry.source
        assert entry.dim > 0
        assert entry.features > 0


def test_an_unknown_model_is_one_line_that_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"^model 'arcface9000': .*dlib.*kith models list") as caught:
        get_model("arcface9000")
    assert "\n" not in str(caught.value)


def test_the_default_network_comes_from_its_package() -> None:
    entry = get_model("dlib")
    data = read_weights(entry)
    assert len(data) == entry.weights_bytes
    assert hashlib.sha256(data).hexdigest() == entry.sha256


def test_a_flipped_byte_is_refused_before_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = get_model("dlib")
    data = bytearray(read_weights(entry))
    data[11_000_000] ^= 1
    package = tmp_path / "damaged_models"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / entry.weights).write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"has SHA-256 .*, not 55533b28a95800a5…; it is damaged") as caught:
        read_weights(replace(entry, package="damaged_models"))
    assert "\n" not in str(caught.value)


def test_the_folder_of_models_is_searched_by_hash_with_its_subfolders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: ModelEntry
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    (tmp_path / "network.safetensors").write_bytes(WEIGHTS[::-1])  # right name and size, wrong bytes
    (tmp_path / "deep" / "er").mkdir(parents=True)
    path = tmp_path / "deep" / "er" / "any name"
    path.write_bytes(WEIGHTS)
    assert find_weights(local) == path
    assert read_weights(local) == WEIGHTS


@pytest.mark.parametrize("folder", ["", "absent"])
def test_missing_weights_are_one_line_that_says_where_to_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: ModelEntry, folder: str
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / folder) if folder else "")
    with pytest.raises(ModelError, match=r"network\.safetensors.*KITH_MODELS") as caught:
        read_weights(local)
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODELS_FOLDER, raising=False)
    with pytest.raises(ModelError, match="install no_such_package_of_models"):
        find_weights(replace(get_model("dlib"), package="no_such_package_of_models"))


def test_the_folder_stands_in_for_a_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: ModelEntry
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    (tmp_path / "x").write_bytes(WEIGHTS)
    assert read_weights(replace(local, package="no_such_package_of_models")) == WEIGHTS


def test_what_only_reads_numbers_loads_no_network_library() -> None:
    look = "import sys, profiling.embedding; print([name for name in ('torch', 'sklearn') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
