"""Description files: what a user says of a network of their own, ``ID.model.toml`` in the folder of ``KITH_MODELS``.

`kith models add` writes them; they are short TOML, to be read and mended by hand. Weights are found by their hash as
those of built-in networks are, so that the file of weights may lie anywhere in that folder.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from profiling.chips import ChipSpec
from profiling.embedding.layouts import LAYOUTS, ONNX
from profiling.embedding.model_entry import ModelEntry
from profiling.errors import ModelError

SUFFIX = ".model.toml"
ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"  # ids name folders of the lake

DELETE = "\x7f"  # the one control character that JSON leaves bare and TOML does not allow

Triple = tuple[float, float, float]
Point = tuple[float, float]


class Description(BaseModel):
    """One description file. Fields as in `ModelEntry`; `size`, `template` and `points` as in `ChipSpec`.

    `output` and `features_output` name an ONNX graph's vector (default: its first output) and what the age and gender
    probe reads (default: the vector).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str = Field(pattern=ID_PATTERN)
    title: str = ""
    layout: str
    weights: str = Field(min_length=1)
    weights_bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    dim: int = Field(ge=2, le=4096)
    features: int = Field(ge=1, le=65536)
    size: int = Field(ge=8, le=1024)
    template: Annotated[tuple[Point, ...], Field(min_length=5, max_length=5)]
    points: tuple[int, ...] = (0, 1, 2, 3, 4)
    colour: Literal["rgb", "bgr"]
    mean: Triple
    scale: Triple
    output: str = ""
    features_output: str = ""
    licence: str = "not stated"
    source: str = "not stated"

    @field_validator("layout")
    @classmethod
    def _known(cls, layout: str) -> str:
        if layout not in LAYOUTS:
            raise ValueError(f"choose one of {', '.join(LAYOUTS)}")
        return layout

    @field_validator("scale")
    @classmethod
    def _divides(cls, scale: Triple) -> Triple:
        if not all(scale):
            raise ValueError("pixels are divided by it; no channel's may be 0")
        return scale

    def entry(self) -> ModelEntry:
        """The registry's entry.

        Raises
        ------
        ValueError
            `points` do not name at least two different ones of the template.
        """
        named = {"output": self.output, "features_output": self.features_output}
        return ModelEntry(
            id=self.id,
            title=self.title or self.id,
            dim=self.dim,
            features=self.features,
            chip=ChipSpec(self.size, self.template, self.points),
            colour=self.colour,
            mean=self.mean,
            scale=self.scale,
            network=LAYOUTS[self.layout].network,
            weights=self.weights,
            weights_bytes=self.weights_bytes,
            sha256=self.sha256,
            package=None,
            licence=self.licence,
            source=self.source,
            options=tuple(named.items()) if self.layout == ONNX else (("layout", self.layout),),
            described=True,
        )

    def to_toml(self) -> str:
        """The file's text, without fields that say nothing."""
        values = {name: value for name, value in self.model_dump(mode="json").items() if value != ""}
        text = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
        return text.replace(DELETE, f"\\u{ord(DELETE):04x}")


def description_files(folder: Path) -> list[Path]:
    """All description files in `folder` and its subfolders, sorted by path."""
    return sorted(folder.rglob(f"*{SUFFIX}"))


def described_id(path: Path) -> str:
    """The id that a description file's name says."""
    return path.name.removesuffix(SUFFIX)


def read_description(path: Path) -> ModelEntry:
    """The entry that a description file makes.

    Raises
    ------
    ModelError
        The file cannot be read, a field is missing, unknown or out of range, or its id is not that of its name.
    """
    again = "mend the file, or write it again: kith models add"
    try:
        description = Description.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        entry = description.entry()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{path}: {where}: {first['msg']}; {again}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as a description ({error}); {again}") from None
    if entry.id != described_id(path):
        raise ModelError(f"{path}: describes {entry.id!r}, and its name says {described_id(path)!r}; {again}")
    return entry
