"""Which embedding networks there are and where each one's weights come from.

A network joins Kith with one file that defines ``load_network(data, **options) -> torch.nn.Module``, whose forward pass
gives raw vectors [n, dim] and features [n, features], and one entry in `built_in`; or, when it is of a known layout or
an ONNX file, with a description file (`descriptions`). Weights come from a Python package, or from the folder that the
environment variable ``KITH_MODELS`` names, searched with its subfolders by SHA-256, so that a file may have any name.
Nothing is ever downloaded, and no byte is parsed before its hash matched.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from profiling.embedding.built_in import MODELS
from profiling.embedding.descriptions import SUFFIX, described_id, description_files, read_description
from profiling.embedding.model_entry import ModelEntry
from profiling.errors import ModelError

__all__ = [
    "MODELS",
    "MODELS_FOLDER",
    "ModelEntry",
    "find_weights",
    "get_model",
    "list_models",
    "models_folder",
    "read_weights",
]

MODELS_FOLDER = "KITH_MODELS"  # environment variable


def models_folder() -> Path | None:
    """The folder that ``KITH_MODELS`` names, or None."""
    folder = os.environ.get(MODELS_FOLDER, "")
    return Path(folder) if folder else None


def get_model(model_id: str) -> ModelEntry:
    """The entry of this id: a built-in one, else the one that ``ID.model.toml`` in the folder of models describes.

    Raises
    ------
    ModelError
        No such model, more than one description of it, or a broken one.
    """
    if model_id in MODELS:
        return MODELS[model_id]
    paths = _descriptions()
    found = [path for path in paths if described_id(path) == model_id]
    if len(found) > 1:
        raise ModelError(f"model {model_id!r}: described twice, {found[0]} and {found[1]}; keep one of them")
    if found:
        return read_description(found[0])
    known = ", ".join(sorted({*MODELS, *(described_id(path) for path in paths)}))
    raise ModelError(f"model {model_id!r}: not registered; choose one of: {known} (kith models list)")


def list_models() -> tuple[dict[str, ModelEntry], list[ModelError]]:
    """All usable entries by id, built-in ones first, and what is wrong with the descriptions that give none."""
    entries, faults = dict(MODELS), []
    for path in _descriptions():
        model_id = described_id(path)
        try:
            if model_id in MODELS:
                raise ModelError(f"{path}: {model_id!r} is built in; give the file another id and name, ID{SUFFIX}")
            entries[model_id] = get_model(model_id)
        except ModelError as error:
            faults.append(error)
    return entries, faults


def find_weights(entry: ModelEntry) -> Path:
    """Where this model's weights lie; their hash is checked when they are read.

    Raises
    ------
    ModelError
        Neither its package nor the folder of ``KITH_MODELS`` has them.
    """
    packaged = _packaged(entry)
    if packaged is not None:
        return packaged
    folder = models_folder()
    for path in _files_of_size(folder, entry.weights_bytes) if folder else ():
        if _known_sha256(path, path.stat().st_mtime_ns) == entry.sha256:
            return path
    install = f"install {entry.package}, or " if entry.package else ""
    raise ModelError(
        f"model {entry.id}: weights with SHA-256 {entry.sha256[:16]}… not found; {install}put the file "
        f"({Path(entry.weights).name}) into the folder that {MODELS_FOLDER} names (now {folder or 'not set'})"
    )


def read_weights(entry: ModelEntry) -> bytes:
    """The bytes of this model's weights, after their hash matched.

    Raises
    ------
    ModelError
        They are not there, cannot be read, or are other bytes than the registry pins.
    """
    path = find_weights(entry)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"model {entry.id}: {path} cannot be read ({error.strerror}); check its permissions") from None
    found = _sha256(data)
    if found != entry.sha256:
        raise ModelError(
            f"model {entry.id}: {path} has SHA-256 {found[:16]}…, not {entry.sha256[:16]}…; it is damaged or another "
            f"file: install {entry.package or 'the weights'} again"
        )
    return data


def _packaged(entry: ModelEntry) -> Path | None:
    spec = importlib.util.find_spec(entry.package) if entry.package else None
    for root in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(root) / entry.weights
        if path.is_file():
            return path
    return None


def _descriptions() -> list[Path]:
    folder = models_folder()
    return description_files(folder) if folder else []


def _files_of_size(folder: Path, size: int) -> Iterator[Path]:
    """Files of exactly this many bytes, sorted by path, so that the same folder always gives the same file."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size == size:
            yield path


@functools.lru_cache(maxsize=64)  # a build asks often, and the largest networks have 260 MB
def _known_sha256(path: Path, changed_ns: int) -> str:
    """Only finds a file; what is used is hashed again when it is read."""
    return _sha256(path.read_bytes())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
