"""Weights are converted once, whole or not at all, and refused when one bit of them is wrong."""

from __future__ import annotations

import hashlib
import importlib.util
import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from profiling import weights
from profiling.errors import ModelError
from profiling.weights import MTCNN_FILE, MTCNN_SOURCES, content_sha256, load_mtcnn, load_tensors, prepare_weights


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder that does not exist yet."""
    folder = tmp_path / "kith" / "home"
    monkeypatch.setenv("KITH_HOME", str(folder))
    return folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the mtcnn package's weights, found in place of the real one."""
    spec = importlib.util.find_spec("mtcnn")
    assert spec is not None
    assert spec.submodule_search_locations
    copy = tmp_path / "site" / "mtcnn"
    shutil.copytree(Path(spec.submodule_search_locations[0]) / "assets", copy / "assets")
    (copy / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    return copy / "assets" / "weights"


def flip_a_byte(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def one_line(error: pytest.ExceptionInfo[ModelError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_preparing_writes_one_file_and_twice_is_once(home: Path) -> None:
    first = prepare_weights()
    written = (home / MTCNN_FILE).stat()
    second = prepare_weights()
    assert (len(first), len(second)) == (1, 1)
    assert "converted" in first[0]
    assert "found" in second[0]
    assert os.listdir(home) == [MTCNN_FILE]
    assert (home / MTCNN_FILE).stat().st_mtime_ns == written.st_mtime_ns


def test_converting_keeps_every_number(home: Path) -> None:
    prepare_weights()
    tensors = load_mtcnn()
    assert {name.split(".")[0] for name in tensors} == set(MTCNN_SOURCES)
    assert tensors["onet.conv2.weight"].shape == (64, 32, 3, 3)
    assert tensors["onet.dense.weight"].shape == (256, 1152)
    assert tensors["pnet.prelu1.weight"].shape == (10,)
    # 6,632, 100,178 and 389,040 parameters: Zhang et al. 2016, as facenet-pytorch counts them
    counts = {net: sum(t.size for name, t in tensors.items() if name.startswith(net)) for net in MTCNN_SOURCES}
    assert counts == {"pnet": 6_632, "rnet": 100_178, "onet": 389_040}


def test_the_package_is_found_without_importing_it(home: Path, package: Path) -> None:
    assert package.exists()
    assert "converted" in prepare_weights()[0]


@pytest.mark.parametrize("network", sorted(MTCNN_SOURCES))
def test_source_files_with_a_flipped_byte_are_never_unpickled(
    home: Path, package: Path, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    unpickled = []
    monkeypatch.setattr("joblib.load", lambda file: unpickled.append(hashlib.sha256(file.read()).hexdigest()) or [])
    flip_a_byte(package / f"{network}.lz4", 500)
    with pytest.raises(ModelError) as error:
        weights._unpickle(package / f"{network}.lz4", MTCNN_SOURCES[network])
    assert f"{network}.lz4" in one_line(error)
    assert unpickled == []
    monkeypatch.undo()


def test_a_wrong_source_leaves_no_file(home: Path, package: Path) -> None:
    flip_a_byte(package / "onet.lz4", 1000)
    with pytest.raises(ModelError, match=r"onet\.lz4: SHA-256 differs"):
        prepare_weights()
    assert not home.exists() or os.listdir(home) == []


@pytest.mark.parametrize("position", [3, 40, 5_000, -1])
def test_a_flipped_byte_in_the_converted_file_is_refused_then_mended(home: Path, position: int) -> None:
    prepare_weights()
    flip_a_byte(home / MTCNN_FILE, position)
    with pytest.raises(ModelError) as error:
        load_mtcnn()
    assert MTCNN_FILE in one_line(error)
    assert "kith models prepare" in one_line(error)
    assert "converted" in prepare_weights()[0]
    load_mtcnn()


@pytest.mark.parametrize("keep", [0, 7, 100, 1_000_000])
def test_a_truncated_file_is_refused(home: Path, keep: int) -> None:
    prepare_weights()
    (home / MTCNN_FILE).write_bytes((home / MTCNN_FILE).read_bytes()[:keep])
    with pytest.raises(ModelError) as error:
        load_mtcnn()
    assert MTCNN_FILE in one_line(error)


def test_missing_weights_name_the_command_that_makes_them(home: Path) -> None:
    with pytest.raises(ModelError, match="kith models prepare") as error:
        load_mtcnn()
    one_line(error)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KITH_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ModelError, match="KITH_HOME") as error:
        prepare_weights()
    one_line(error)


def test_set_ups_at_once_leave_one_whole_file(home: Path) -> None:
    context = multiprocessing.get_context("fork")
    setups = [context.Process(target=prepare_weights) for _ in range(4)]
    for setup in setups:
        setup.start()
    for setup in setups:
        setup.join()
    assert [setup.exitcode for setup in setups] == [0] * 4
    assert os.listdir(home) == [MTCNN_FILE]
    load_mtcnn()


def test_content_counts_and_the_layout_of_the_file_does_not(tmp_path: Path) -> None:
    one = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, np.float32)}
    digest = content_sha256(one)
    assert content_sha256(dict(reversed(one.items()))) == digest
    assert content_sha256({**one, "a": one["a"].reshape(3, 2)}) != digest
    assert content_sha256({"a": one["a"], "c": one["b"]}) != digest
    assert content_sha256({**one, "b": np.zeros(2, np.int32)}) != digest
    (tmp_path / "x.safetensors").write_bytes(safetensors.numpy.save(one, {"note": "metadata counts nothing"}))
    assert set(load_tensors(tmp_path / "x.safetensors", digest)) == {"a", "b"}
