"""A population in an object store is the one on a disk, for tables, photos and decoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.decoding import DecodedPhoto, PhotoRefused
from profiling.errors import PopulationError
from profiling.places import open_place
from profiling.population import open_population
from profiling.settings import DecodingSettings
from profiling.small_files import replace, write_new
from profiling.uris import read_photo
from ray_tasks.decoders import DecoderPool

pytestmark = pytest.mark.slow

PHOTOS = 6
TABLES = ("users", "photos", "tags", "friendships")


@pytest.fixture
def uploaded(drawn: Path, bucket: str) -> str:
    """The tables of the drawn population and a few of its photos."""
    for path in [*drawn.glob("*.parquet"), *(drawn / uri for uri in uris(drawn))]:
        content = path.read_bytes()
        write_new(
            open_place(bucket) / "net" / path.relative_to(drawn).as_posix(), lambda file, c=content: file.write(c)
        )
    return f"{bucket}/net"


def uris(drawn: Path) -> list[str]:
    return list(pq.read_table(drawn / "photos.parquet")["uri"].to_pylist()[:PHOTOS])


def test_tables_are_read_as_from_a_disk(drawn: Path, uploaded: str) -> None:
    here, there = open_population(str(drawn), 2026), open_population(uploaded, 2026)
    assert here.digest() == there.digest()
    there.check_unchanged()
    for table in TABLES:
        assert here.rows(table) == there.rows(table) > 0
        one, other = (pa.concat_tables([each.rows for each in p.batches(table)]) for p in (here, there))
        assert one.equals(other)
    users = open_place(uploaded) / "users.parquet"
    replace(users, users.read_bytes()[::-1])  # as many bytes, within the same second
    with pytest.raises(PopulationError, match=r"users\.parquet: changed while it was read"):
        there.check_unchanged()
    users.unlink()
    with pytest.raises(PopulationError, match=r"users\.parquet is missing"):
        open_population(uploaded)


def test_photos_come_as_the_same_bytes_and_pixels(drawn: Path, uploaded: str) -> None:
    settings = DecodingSettings()
    wanted = uris(drawn)
    assert [read_photo(uri, uploaded, settings) for uri in wanted] == [(drawn / uri).read_bytes() for uri in wanted]
    with pytest.raises(PhotoRefused, match="missing"):
        read_photo("images/none.jpg", uploaded, settings)
    with pytest.raises(PhotoRefused, match="too_large"):
        read_photo(wanted[0], uploaded, DecodingSettings(max_bytes=1024))
    pixels = []
    for folder in (str(drawn), uploaded):
        with DecoderPool(1, folder, settings) as pool:
            pixels.append([np.array(decoded(photo).pixels) for _, photo in pool.decode(wanted)])
    assert all(np.array_equal(one, other) for one, other in zip(*pixels, strict=True))


def decoded(photo: DecodedPhoto | PhotoRefused) -> DecodedPhoto:
    assert isinstance(photo, DecodedPhoto), photo
    return photo
