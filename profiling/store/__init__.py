"""Profile stores: whole generations of profiles for the services that read them; published, rolled back, forgotten."""

from __future__ import annotations

from profiling.store.addresses import ArrowAddress, parse_address
from profiling.store.interface import ProfileStore, Snapshot
from profiling.store.records import STORE_REASONS, Counts, Head, StoredGeneration, StoredProfile
from profiling.store.retention import Retention, drop_expired

__all__ = [
    "STORE_REASONS",
    "Counts",
    "Head",
    "ProfileStore",
    "Retention",
    "Snapshot",
    "StoredGeneration",
    "StoredProfile",
    "create_store",
    "drop_expired",
    "open_store",
]


def open_store(uri: str, password: str | None = None) -> ProfileStore:
    """The store that a URI names; see `parse_address`.

    Parameters
    ----------
    password : of a Cassandra, where neither the URI nor the environment has it.

    Raises
    ------
    StoreError
        One line: the URI is none, the store is not there, or it cannot be reached.
    """
    address = parse_address(uri, password)
    if isinstance(address, ArrowAddress):
        from profiling.store.arrow_store import ArrowStore

        return ArrowStore(address.folder)
    from profiling.store.cassandra_store import CassandraStore

    return CassandraStore(address)


def create_store(uri: str, replication: str | None = None) -> ProfileStore:
    """Make the store that a URI names, or open it when it is there.

    Parameters
    ----------
    replication : of a Cassandra keyspace, "DATACENTER:COPIES,…"; needed to make one.
    """
    address = parse_address(uri)
    if isinstance(address, ArrowAddress):
        from profiling.store.arrow_store import ArrowStore

        return ArrowStore.create(address.folder)
    from profiling.store.cassandra_store import CassandraStore

    return CassandraStore.create(address, replication)
