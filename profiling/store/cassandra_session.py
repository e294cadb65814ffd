"""A driver session for a profile store: whose replicas are asked, at which consistency, and what goes wrong."""

from __future__ import annotations

from cassandra import ConsistencyLevel, DriverException, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy

from profiling.errors import StoreError
from profiling.store.addresses import CassandraAddress
from profiling.store.cassandra_requests import explain

CONNECT_S = 10.0  # seconds
REQUEST_S = 10.0  # seconds the driver waits for one answer


def connect(address: CassandraAddress) -> Session:
    """A session without a keyspace; `session.cluster.shutdown()` ends it.

    Raises
    ------
    StoreError
        Nobody answers, or user and password are refused.
    """
    near = DCAwareRoundRobinPolicy(address.datacenter) if address.datacenter else DCAwareRoundRobinPolicy()
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(near),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=REQUEST_S,
    )
    login = PlainTextAuthProvider(address.user, address.password or "") if address.user else None
    cluster = None
    try:  # protocol 5: Cassandra 4.0 and later, as the settings table that tells of snapshots
        cluster = Cluster(
            list(address.hosts),
            port=address.port,
            auth_provider=login,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connect_timeout=CONNECT_S,
            protocol_version=ProtocolVersion.V5,
        )
        return cluster.connect()
    except (DriverException, NoHostAvailable, OSError) as error:
        if cluster is not None:
            cluster.shutdown()
        raise explain(error, address.name) from None


def find_store(session: Session, address: CassandraAddress) -> None:
    """Make sure that the keyspace holds a profile store.

    Raises
    ------
    StoreError
        The keyspace, or one of its tables, is not there.
    """
    query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
    tables = {row.table_name for row in session.execute(query, (address.keyspace,))}
    if not {"generations", "forgotten", "written"} <= tables:
        raise StoreError(
            f"{address.name}: has no profile store in keyspace {address.keyspace}; make it with kith store create "
            "--replication DATACENTER:COPIES"
        )
