"""Options that several commands share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from profiling.errors import SettingsError
from profiling.settings import Settings, load_settings

LakeFolder = Annotated[str, typer.Argument(help="The lake: a folder, or s3://BUCKET/FOLDER.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, nothing else, on standard output.")]
RayAddress = Annotated[str | None, typer.Option("--ray", help="Address of a Ray cluster; without it Ray runs here.")]
Cpus = Annotated[int | None, typer.Option(min=1, help="CPUs of a local Ray; without it all of the machine.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML file of \\[section] and name = value.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="One setting: section.name=value; may be repeated.")]
GenerationName = Annotated[str | None, typer.Option("--generation", help="Id or name; without it the newest.")]

console = Console(stderr=True)
output = Console(soft_wrap=True)


def read_settings(
    path: Path | None, changes: list[str] | None, base: dict[str, dict[str, Any]] | None = None, **chosen: Any
) -> Settings:
    """Settings of a run: those of an earlier one (`base`), the file, `--set`, then options of their own such as
    `--model` (None = not given)."""
    given = {}
    for change in changes or []:
        key, equals, value = change.partition("=")
        if not equals:
            raise SettingsError(f"--set {change}: write it as section.name=value, for example clustering.eps=0.06")
        given[key.strip()] = value.strip()
    for key, value in chosen.items():
        if value is not None:
            given[key.replace("__", ".")] = json.dumps(value)
    return load_settings(path, given, base)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
