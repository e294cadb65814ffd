"""Fixtures of both kinds of profile stores, for whoever tests with one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from profiling.store import create_store, open_store
from profiling.store.arrow_files import BucketFile
from profiling.store.arrow_store import ArrowStore
from profiling.store.cassandra_store import CassandraStore
from profiling.vectors import pack_vectors, unpack_vectors
from tests.cassandra_server import CassandraServer, run_server

KEYSPACES = itertools.count()
CASSANDRA = pytest.param("cassandra", marks=[pytest.mark.cassandra, pytest.mark.slow])


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraServer]:
    """A real Cassandra 5 on loopback; skips where Java or Maven is missing."""
    server = run_server(tmp_path_factory.mktemp("cassandra"))
    yield server
    server.stop()


@pytest.fixture(params=["arrow", CASSANDRA])
def kind(request: pytest.FixtureRequest) -> str:
    """What kind of store a test runs with."""
    return str(request.param)


@pytest.fixture
def fresh_store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes empty stores and gives their URIs."""
    server = request.getfixturevalue("cassandra") if kind == "cassandra" else None

    def make() -> str:
        number = next(KEYSPACES)
        uri = f"arrow://{tmp_path / f'store-{number}'}" if server is None else server.uri(f"kith_{number}")
        create_store(uri, "datacenter1:1").close()
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
    """See `spoil`; `segment` must be a base."""
    store = open_store(uri)
    if isinstance(store, ArrowStore):
        for bucket in range(store.find(segment).buckets):
            _spoil_file(store.bucket_path(segment, bucket), segment)
    else:
        assert isinstance(store, CassandraStore)
        session, keyspace = store.session, store.address.keyspace
        rows = session.execute(f"SELECT user_id, delta, rank, vector FROM {keyspace}.base_{segment}")  # noqa: S608
        change = f"UPDATE {keyspace}.base_{segment} SET vector = %s WHERE user_id = %s AND delta = %s AND rank = %s"  # noqa: S608
        for row in rows:
            if row.vector is not None:
                session.execute(change, (row.vector[::-1], row.user_id, row.delta, row.rank))
    store.close()


def _spoil_file(path: Path, segment: int) -> None:
    rows = BucketFile(path, segment).rows
    column = rows["vector"].combine_chunks()
    turned = pack_vectors(-unpack_vectors(column), column.is_valid().to_numpy(zero_copy_only=False))
    place = rows.schema.get_field_index("vector")
    spoiled = rows.set_column(place, rows.schema.field("vector"), turned)
    path.unlink()
    with pa.ipc.new_file(str(path), spoiled.schema) as sink:
        sink.write_table(spoiled)
