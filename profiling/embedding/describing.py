"""Take in a user's own network: load its weights once, see that they are what is said of them, describe them."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import ValidationError
from torch import nn

from profiling.embedding.built_in import MODELS
from profiling.embedding.descriptions import SUFFIX, Description, described_id, description_files
from profiling.embedding.embedder import BATCH, build_network
from profiling.embedding.layouts import LAYOUTS
from profiling.embedding.registry import MODELS_FOLDER, models_folder
from profiling.embedding.templates import Template, named_template
from profiling.errors import ModelError

Triple = tuple[float, float, float]
MEASURED_LATER = 2  # stands for numbers that the network itself tells


@dataclass(frozen=True)
class Stated:
    """What the owner says of a network; None = as its layout is usually fed. Fields as in `Description`."""

    id: str
    layout: str
    title: str = ""
    size: int | None = None
    template: Template | None = None
    points: tuple[int, ...] = (0, 1, 2, 3, 4)
    colour: Literal["rgb", "bgr"] = "rgb"
    mean: Triple | None = None
    scale: Triple | None = None
    dim: int | None = None
    output: str = ""
    features_output: str = ""
    licence: str = "not stated"
    source: str = "not stated"


def describe_network(weights: Path, stated: Stated) -> Description:
    """The description of the network in `weights`, after it was loaded and run once.

    Raises
    ------
    ModelError
        The file cannot be read, is not of this layout, cannot run chips of this size, gives other than `stated.dim`
        finite numbers, or what is stated is out of range.
    """
    try:
        data = weights.read_bytes()
    except OSError as error:
        raise ModelError(f"{weights}: cannot be read ({error.strerror}); give the file of weights") from None
    description = _describe(weights, data, stated)
    network = build_network(description.entry(), data)
    dim, features = _measure(network, description.size, stated.layout)
    if stated.dim not in (None, dim):
        raise ModelError(
            f"{weights}: the network gives {dim} numbers, not {stated.dim}; correct --dim, or leave it out"
        )
    return description.model_copy(update={"dim": dim, "features": features})


def add_network(weights: Path, stated: Stated, replace: bool = False) -> Path:
    """Describe the network and put it where builds look; the description's path.

    Weights that lie outside the folder of models are copied into it.

    Raises
    ------
    ModelError
        As `describe_network`; or there is no folder of models, the id is built in, or described already.
    """
    folder = models_folder()
    if folder is None or not folder.is_dir():
        raise ModelError(
            f"{MODELS_FOLDER} names no folder (now {folder or 'not set'}); set it to where your models lie"
        )
    if stated.id in MODELS:
        raise ModelError(f"model {stated.id!r}: is built in; choose another id")
    there = [path for path in description_files(folder) if described_id(path) == stated.id]
    if there and not replace:
        raise ModelError(f"model {stated.id!r}: {there[0]} describes it already; choose another id, or --replace")
    description = describe_network(weights, stated)
    inside = weights.resolve().is_relative_to(folder.resolve())
    kept = weights if inside else folder / f"{stated.id}{weights.suffix}"
    target = there[0] if there else kept.parent / f"{stated.id}{SUFFIX}"
    try:
        if not inside:
            shutil.copyfile(weights, kept)
        target.write_text(description.to_toml(), encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written ({error.strerror}); check permissions and space") from None
    return target


def _describe(weights: Path, data: bytes, stated: Stated) -> Description:
    """All but what the network itself tells."""
    if stated.layout not in LAYOUTS:
        raise ModelError(f"layout {stated.layout!r}: unknown; choose one of {', '.join(LAYOUTS)}")
    usual = LAYOUTS[stated.layout]
    size = stated.size or usual.size
    try:
        description = Description(
            id=stated.id,
            title=stated.title,
            layout=stated.layout,
            weights=weights.name,
            weights_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            dim=MEASURED_LATER,
            features=MEASURED_LATER,
            size=size,
            template=stated.template or named_template(usual.template, size),
            points=stated.points,
            colour=stated.colour,
            mean=stated.mean or (usual.mean,) * 3,
            scale=stated.scale or (usual.scale,) * 3,
            output=stated.output,
            features_output=stated.features_output,
            licence=stated.licence,
            source=stated.source,
        )
        description.entry()
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(
            f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}; correct the option"
        ) from None
    except ValueError as error:
        raise ModelError(f"{error}; correct --points") from None
    return description


@torch.inference_mode()
def _measure(network: nn.Module, size: int, layout: str) -> tuple[int, int]:
    """Numbers of a vector and of the features, by running one batch of flat chips."""
    chips = torch.linspace(-1, 1, BATCH).reshape(BATCH, 1, 1, 1).expand(BATCH, 3, size, size)
    try:
        vectors, features = network.eval()(chips.contiguous())
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"layout {layout}: cannot run chips of {size} pixels ({reason}); correct --size") from None
    if not (torch.isfinite(vectors).all() and torch.isfinite(features).all()):
        raise ModelError(
            f"layout {layout}: the network gives no finite numbers; the weights are damaged, or of another"
        )
    return vectors.shape[1], features.shape[1]
