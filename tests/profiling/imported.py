"""What tests of `kith import` share: write files, import them, read what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from profiling.errors import PopulationError
from profiling.importing import import_folder
from profiling.tables import POPULATION
from tests.profiling.drawn_photos import encoded, scene

Files = dict[str, "bytes | str"]
Rows = dict[str, list[dict[str, Any]]]
JPEG = encoded(scene(), "JPEG")
FAMILY: Files = {
    "Anna Petrova/one.jpg": JPEG,
    "Anna Petrova/2019/two.jpg": JPEG,
    "Борис/три.png": encoded(scene(), "PNG"),
}


def run_import(place: Path, files: Files) -> tuple[dict[str, Any], Rows]:
    """Write files into `photos`, import them into `population`: the counts and the rows of all tables."""
    for name, content in files.items():
        path = place / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    counts = import_folder(place / "photos", place / "population")
    return counts, {table: pq.read_table(place / "population" / f"{table}.parquet").to_pylist() for table in POPULATION}


def refusal(place: Path, files: Files) -> str:
    """The one line that such an import ends with."""
    with pytest.raises(PopulationError) as caught:
        run_import(place, files)
    assert "\n" not in str(caught.value)
    return str(caught.value)
