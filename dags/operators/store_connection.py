"""A profile store that an Airflow connection names: its address becomes an argument, its password travels sealed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from dags.operators.ray_hook import RayHook

OPTION = "--store="
NAMED = re.compile(OPTION + r"connection://([A-Za-z0-9_.-]+)/?")
OPTIONS = ("datacenter", "snapshots")  # of the address, from the connection's extra


def connect_store(arguments: Sequence[object], hook: RayHook) -> tuple[list[object], dict[str, str]]:
    """Replace `--store=connection://ID` by the address that the connection names.

    A connection of a Cassandra has hosts (comma between them), port, login, password, the keyspace as schema, and as
    extra `datacenter` where there are several. At most one store of a job is a connection.

    Returns
    -------
    The arguments, without any password, and the environment of the job with the password sealed.

    Raises
    ------
    AirflowFailException
        There is no such connection, it names no host or keyspace, or the cluster has no token.
    """
    told, secret = list(arguments), {}
    for place, argument in enumerate(told):
        named = NAMED.fullmatch(str(argument))
        if named is not None:
            connection = _connection(named[1])
            told[place] = OPTION + address(connection)
            if connection.password:
                from ray_tasks.sealing import SEALED_VARIABLE

                secret = {SEALED_VARIABLE: hook.seal(connection.password)}
    return told, secret


def address(connection: Connection) -> str:
    """The store's address without its password.

    Raises
    ------
    AirflowFailException
        Host or keyspace is missing.
    """
    if not connection.host or not connection.schema:
        raise AirflowFailException(
            f"connection {connection.conn_id!r} names no profile store; give it hosts, login, password and, as schema, "
            "the keyspace"
        )
    user = f"{quote(connection.login, safe='')}@" if connection.login else ""
    port = f":{connection.port}" if connection.port else ""
    extra = {name: connection.extra_dejson[name] for name in OPTIONS if connection.extra_dejson.get(name)}
    return f"cassandra://{user}{connection.host}{port}/{connection.schema}" + (f"?{urlencode(extra)}" if extra else "")


def _connection(name: str) -> Connection:
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"there is no connection {name!r}; make it under Admin → Connections, or name the store by its address"
        ) from None
