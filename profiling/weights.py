"""Weights on disk: MTCNN's converted once from the `mtcnn` package, every file checked against its hash before use.

The package ships joblib pickles. They are unpickled once, at set-up (`kith models prepare`), after their bytes matched
a pinned SHA-256, and written as safetensors; actors only ever read safetensors, and refuse content that is not what
was converted.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from profiling.errors import ModelError

MTCNN_FILE = "mtcnn.safetensors"
# SHA-256 of the files of mtcnn 1.0.0 (PyPI, MIT licence)
MTCNN_SOURCES = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}
MTCNN_SHA256 = (
    "05fd590f7720e536efbe85dac837c73f9cf9ee3a7a43b4fcc307f680c4a3f453"  # content_sha256 of the converted tensors
)
# The package's lists in order: layers with a kernel and a bias, "prelu" ones with a slope a channel
MTCNN_LAYERS = {
    "pnet": ("conv1", "prelu1", "conv2", "prelu2", "conv3", "prelu3", "box", "face"),
    "rnet": ("conv1", "prelu1", "conv2", "prelu2", "conv3", "prelu3", "dense", "prelu_dense", "box", "face"),
    "onet": ("conv1", "prelu1", "conv2", "prelu2", "conv3", "prelu3", "conv4", "prelu4", "dense", "prelu_dense",
             "box", "landmarks", "face"),
}  # fmt: skip

Tensors = dict[str, npt.NDArray[Any]]


def weights_folder() -> Path:
    """The folder of converted weights: `KITH_HOME`, by default `share/kith` inside the Python environment."""
    home = os.environ.get("KITH_HOME")
    return Path(home) if home else Path(sys.prefix) / "share" / "kith"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in pieces.

    Raises
    ------
    ModelError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); run `kith models prepare`") from None


def content_sha256(tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 of names, types, shapes and numbers, whatever the file's layout."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def load_tensors(path: Path, sha256: str, way_out: str = "run `kith models prepare`") -> Tensors:
    """Read a safetensors file whose content must have the given `content_sha256`.

    Raises
    ------
    ModelError
        The file is missing, no safetensors, or not what its hash says.
    """
    try:
        tensors = safetensors.numpy.load(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: weights cannot be read ({error.strerror}); {way_out}") from None
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{path}: not a whole safetensors file; delete it and {way_out}") from None
    if content_sha256(tensors) != sha256:
        raise ModelError(f"{path}: the weights are not those of SHA-256 {sha256[:8]}…; delete the file and {way_out}")
    return tensors


def load_mtcnn() -> Tensors:
    """MTCNN's tensors in PyTorch's layout, named `pnet.conv1.weight` and so on; `ModelError` when not prepared."""
    return load_tensors(weights_folder() / MTCNN_FILE, MTCNN_SHA256)


def prepare_weights() -> list[str]:
    """Convert whatever is not converted yet; call it at set-up or in the driver, never in an actor.

    Safe to run twice and by several processes at once: the file appears whole or not at all.

    Returns
    -------
    One line a file, for people: what it is and whether it was written or found.

    Raises
    ------
    ModelError
        The package is missing or its files are not the pinned ones, or the folder cannot be written.
    """
    path = weights_folder() / MTCNN_FILE
    try:
        load_mtcnn()
    except ModelError:
        _write(path, safetensors.numpy.save(convert_mtcnn()))
        return [f"{path}: converted from the mtcnn package"]
    return [f"{path}: found"]


def convert_mtcnn() -> Tensors:
    """The three networks of the `mtcnn` package as tensors in PyTorch's layout.

    The package is found without importing it, because importing it needs TensorFlow.
    """
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("package mtcnn is missing: its weights are the face detector; run `pip install mtcnn==1.0.0`")
    folder = Path(spec.submodule_search_locations[0]) / "assets" / "weights"
    tensors: Tensors = {}
    for network, sha256 in MTCNN_SOURCES.items():
        tensors |= _named(network, _unpickle(folder / f"{network}.lz4", sha256))
    if content_sha256(tensors) != MTCNN_SHA256:
        raise ModelError("the mtcnn package's weights were read differently than expected; install the pinned joblib")
    return tensors


def _unpickle(path: Path, sha256: str) -> list[npt.NDArray[Any]]:
    """A joblib list of arrays; nothing is unpickled unless exactly these bytes have the pinned hash."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); run `pip install mtcnn==1.0.0`") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{path}: SHA-256 differs from the pinned {sha256[:8]}…; run `pip install mtcnn==1.0.0` again")
    import joblib  # only set-up needs it

    return list(joblib.load(io.BytesIO(data)))


def _named(network: str, arrays: Sequence[npt.NDArray[Any]]) -> Tensors:
    """Keras layout to PyTorch's: kernels HWIO to OIHW, dense ones [in, out] to [out, in], slopes flat."""
    tensors: Tensors = {}
    queue = iter(arrays)
    for layer in MTCNN_LAYERS[network]:
        weight = next(queue)
        if layer.startswith("prelu"):
            tensors[f"{network}.{layer}.weight"] = np.ascontiguousarray(weight.reshape(-1))
            continue
        turned = weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.T
        tensors[f"{network}.{layer}.weight"] = np.ascontiguousarray(turned)
        tensors[f"{network}.{layer}.bias"] = np.ascontiguousarray(next(queue))
    return tensors


def _write(path: Path, data: bytes) -> None:
    """Put a whole file in place, or none."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(
            f"{path.parent}: weights cannot be written ({error.strerror}); set KITH_HOME to a folder you own"
        ) from None
