"""A population of everything that goes wrong: nothing crashes, everything good is kept, every loss has its reason."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from profiling.demo.cast import CAST
from profiling.demo.genes import draw_identity
from profiling.demo.photos import draw_photo
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from tests.profiling.drawn_photos import png
from tests.ray_tasks.test_cli import kith

pytestmark = pytest.mark.slow

LARGEST = 2**63 - 1
NAMES = {1: "Анна", -5: "李小龍", LARGEST: "مريم"}


def good(seed: int) -> bytes:
    return draw_photo([draw_identity(CAST[0])], np.random.default_rng(seed)).encode()


def jpeg(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "olive").save(stream, "JPEG")
    return stream.getvalue()


def files() -> dict[str, tuple[bytes, str]]:
    """Photos by name: their bytes and the reason that each must leave."""
    picture = good(1)
    return {
        "one.jpg": (picture, "ok"),
        "two.jpg": (good(2), "ok"),
        "wrong-extension.png": (good(3), "ok"),
        "nobody.jpg": (jpeg(300, 200), "no_face"),
        "truncated.jpg": (picture[: len(picture) // 2], "truncated"),
        "empty.jpg": (b"", "truncated"),
        "text.jpg": (b"dear diary\n" * 50, "not_a_photo"),
        "one-pixel.jpg": (jpeg(1, 1), "too_small"),
        "strip.jpg": (jpeg(20000, 1), "too_small"),
        "bomb.png": (png(30000, 30000, 8, b"\0" * 1000), "bomb"),
    }


MISSING = {
    "gone.jpg": "missing",
    "../../etc/passwd": "bad_uri",
    "folder.jpg": "unreadable",
    "dropbox://bucket/a.jpg": "no_driver",
}


@pytest.fixture
def population(tmp_path: Path) -> tuple[Path, dict[str, int]]:
    folder = tmp_path / "population"
    (folder / "folder.jpg").mkdir(parents=True)
    reasons: dict[str, int] = {}
    for name, (data, reason) in files().items():
        (folder / name).write_bytes(data)
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason in MISSING.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    uris = [*files(), *MISSING]
    users = {"user_id": list(NAMES), "first_name": list(NAMES.values())}
    photos = {"photo_id": [LARGEST - k for k in range(len(uris))], "owner_id": [LARGEST] * len(uris), "uri": uris}
    for key in photos:
        photos[key].append({"photo_id": 7, "owner_id": 999, "uri": "whose.jpg"}[key])
    pq.write_table(pa.table(users), folder / "users.parquet")
    pq.write_table(pa.table(photos), folder / "photos.parquet")
    return folder, reasons


def test_nothing_crashes_and_every_loss_has_its_reason(population: tuple[Path, dict[str, int]], tmp_path: Path) -> None:
    folder, reasons = population
    lake = tmp_path / "lake"
    run = kith("build", folder, "--lake", lake, "--buckets", 2, "--json", "--cpus", 2)
    assert run.returncode == 0, run.stderr
    status = json.loads(kith("status", lake, "--json").stdout)
    assert status["photos_by_reason"] == reasons
    opened = Lake.open(lake)
    tables = GenerationTables(opened, find_generation(opened))
    profiles = tables.table(tables.generation.last_round, "profiles")
    found = dict(zip(profiles["user_id"].to_pylist(), profiles["reason"].to_pylist(), strict=True))
    assert set(found) == set(NAMES)
    assert found[1] == found[-5] == "no_photos"
    quarantine = pq.read_table(lake / "quarantine" / "photos.parquet").to_pylist()
    assert [row["reason"] for row in quarantine] == ["unknown_owner"]
