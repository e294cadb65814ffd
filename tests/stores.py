"""Fixtures of both kinds of profile stores, for whoever tests with one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from profiling.store import create_store, open_store
from profiling.store.arrow_files import BucketFile
from profiling.store.arrow_store import ArrowStore
from profiling.tables import pack_vectors, unpack_vectors


@pytest.fixture(params=["arrow"])
def kind(request: pytest.FixtureRequest) -> str:
    """What kind of store a test runs with."""
    return str(request.param)


@pytest.fixture
def fresh_store(kind: str, tmp_path: Path) -> Callable[[], str]:
    """Makes empty stores and gives their URIs."""
    number = itertools.count()

    def make() -> str:
        uri = f"arrow://{tmp_path / f'store-{next(number)}'}"
        create_store(uri).close()
        return uri

    return make


@pytest.fixture
def uri(fresh_store: Callable[[], str]) -> str:
    """The URI of a store that is there and empty."""
    return fresh_store()


@pytest.fixture
def spoil() -> Callable[[str, int], None]:
    """Turns all vectors of a segment around, behind the store's back."""
    return spoil_vectors


def spoil_vectors(uri: str, segment: int) -> None:
    """See `spoil`."""
    store = open_store(uri)
    assert isinstance(store, ArrowStore)
    for bucket in range(store.find(segment).buckets):
        path = store.bucket_path(segment, bucket)
        rows = BucketFile(path, segment).rows
        column = rows["vector"].combine_chunks()
        turned = pack_vectors(-unpack_vectors(column), column.is_valid().to_numpy(zero_copy_only=False))
        place = rows.schema.get_field_index("vector")
        spoiled = rows.set_column(place, rows.schema.field("vector"), turned)
        path.unlink()
        with pa.ipc.new_file(str(path), spoiled.schema) as sink:
            sink.write_table(spoiled)
