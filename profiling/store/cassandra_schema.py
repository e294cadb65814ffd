"""Keyspace and tables of a Cassandra profile store, and what a server must be like to hold one."""

from __future__ import annotations

import re
from typing import Any

from cassandra.cluster import Cluster, Session

from profiling.errors import StoreError
from profiling.store.addresses import CassandraAddress

SCHEMA_S = 60.0  # seconds that a change of the schema may take
ONLY = 0  # key of the one partition that a small table has
REPLICAS = re.compile(r"[A-Za-z0-9_.-]+:[1-9][0-9]?(,[A-Za-z0-9_.-]+:[1-9][0-9]?)*")
TABLES = (
    # `active`, `since` and `ledger` belong to the partition: pointer and records change together, or not at all
    """CREATE TABLE IF NOT EXISTS {keyspace}.generations (
        store tinyint, number int, active int static, since double static, ledger bigint static,
        id text, model text, dim int, segments frozen<list<int>>, buckets int, state text, created double,
        users bigint, rows bigint, replaced int, PRIMARY KEY (store, number))""",
    """CREATE TABLE IF NOT EXISTS {keyspace}.forgotten (
        store tinyint, version bigint, user_id bigint, hidden_at double, PRIMARY KEY (store, version, user_id))""",
    """CREATE TABLE IF NOT EXISTS {keyspace}.written (
        number int, bucket int, users bigint, rows bigint, ids blob, PRIMARY KEY (number, bucket))""",
)
# `ids` of a delta: int64, whose rows it wrote, so that it can be read alone; a base is read whole.
# A table a base: its rows go with it. Vectors do not compress, and a read fetches a few hundred bytes: small chunks.
BASE_TABLE = """CREATE TABLE IF NOT EXISTS {keyspace}.base_{number} (
    user_id bigint, delta int, rank tinyint, reason text, model text, cluster smallint, weight float, margin float,
    faces int, vector blob, PRIMARY KEY (user_id, delta, rank))
    WITH CLUSTERING ORDER BY (delta DESC, rank ASC)
    AND compression = {{'class': 'LZ4Compressor', 'chunk_length_in_kb': 4}}"""


def create_tables(session: Session, address: CassandraAddress, replication: str) -> None:
    """Make keyspace and tables where they are missing; what is there stays as it is.

    Parameters
    ----------
    replication : "DATACENTER:COPIES,…".
    """
    if not REPLICAS.fullmatch(replication):
        raise StoreError(f"--replication {replication}: write DATACENTER:COPIES, for example datacenter1:3")
    copies = dict(part.split(":") for part in replication.split(","))
    there = _datacenters(session.cluster)
    unknown = copies.keys() - there
    if unknown:
        raise StoreError(
            f"--replication {replication}: the server knows no {unknown.pop()}, but {', '.join(sorted(there))}"
        )
    wanted = ", ".join(f"'{name}': {count}" for name, count in copies.items())
    _change(
        session,
        f"CREATE KEYSPACE IF NOT EXISTS {address.keyspace} "
        f"WITH replication = {{'class': 'NetworkTopologyStrategy', {wanted}}}",
    )
    for table in TABLES:
        _change(session, table.format(keyspace=address.keyspace))
    session.execute(
        f"INSERT INTO {address.keyspace}.generations (store, ledger) VALUES ({ONLY}, 0) IF NOT EXISTS"  # noqa: S608
    )


def create_base(session: Session, keyspace: str, number: int) -> None:
    """Make the table of a base, unless it is there."""
    _change(session, BASE_TABLE.format(keyspace=keyspace, number=number))


def drop_bases(session: Session, keyspace: str, numbers: set[int]) -> None:
    """Drop the tables of bases, with all deltas on them."""
    for number in sorted(numbers & list_bases(session, keyspace)):
        _change(session, f"DROP TABLE IF EXISTS {keyspace}.base_{number}")


def list_bases(session: Session, keyspace: str) -> set[int]:
    """Numbers of the bases whose tables are there."""
    query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
    names = [row.table_name for row in session.execute(query, (keyspace,))]
    return {int(name.removeprefix("base_")) for name in names if name.startswith("base_")}


def refuse_snapshots(session: Session, address: CassandraAddress) -> None:
    """Refuse servers that keep a copy of every table that is dropped: forgotten people's vectors would stay there.

    Raises
    ------
    StoreError
        A server has `auto_snapshot` on, or does not tell, and the URI does not accept it.
    """
    if address.snapshots:
        return
    query = "SELECT value FROM system_views.settings WHERE name = 'auto_snapshot'"
    for host in session.cluster.metadata.all_hosts():
        if not host.is_up:
            continue
        row = session.execute(query, host=host).one()
        if row is None or row.value != "false":
            raise StoreError(
                f"{address.name}: server {host.address} keeps snapshots of dropped tables, and vectors in them; set "
                "auto_snapshot: false in cassandra.yaml, or add ?snapshots=accept to the URI"
            )


def _datacenters(cluster: Cluster) -> set[str]:
    return {host.datacenter for host in cluster.metadata.all_hosts() if host.datacenter}


def _change(session: Session, statement: str) -> Any:
    return session.execute(statement, timeout=SCHEMA_S)
