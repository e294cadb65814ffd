"""Where a profile store is: `arrow://FOLDER` or `cassandra://USER@HOST,HOST:PORT/KEYSPACE?datacenter=NAME`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from profiling.errors import StoreError

CQL_PORT = 9042  # Cassandra's default
PASSWORD_VARIABLE = "KITH_CASSANDRA_PASSWORD"  # noqa: S105 - its name, not its value
SHAPES = "arrow://FOLDER or cassandra://USER@HOST/KEYSPACE"
KEYSPACE = re.compile(r"[a-z][a-z0-9_]{0,47}")  # 48 is Cassandra's limit


@dataclass(frozen=True)
class ArrowAddress:
    """A folder."""

    folder: str


@dataclass(frozen=True)
class CassandraAddress:
    """A keyspace of a cluster; `password` never shows.

    Parameters
    ----------
    datacenter : whose replicas are asked; None = that of the first host that answers.
    snapshots : whether a server that keeps snapshots of dropped tables is accepted.
    """

    hosts: tuple[str, ...]
    port: int
    keyspace: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    datacenter: str | None = None
    snapshots: bool = False

    @property
    def name(self) -> str:
        """The URI without the password."""
        user = f"{self.user}@" if self.user else ""
        return f"cassandra://{user}{','.join(self.hosts)}:{self.port}/{self.keyspace}"


def parse_address(uri: str, password: str | None = None) -> ArrowAddress | CassandraAddress:
    """What a URI names. The password of a Cassandra comes from the URI, or better from `KITH_CASSANDRA_PASSWORD`.

    Raises
    ------
    StoreError
        It is neither kind; the line does not repeat what may be a password.
    """
    kind, colon, rest = uri.partition("://")
    if colon and kind == "arrow" and rest:
        return ArrowAddress(unquote(rest) if rest.startswith("/") else rest)
    if colon and kind == "cassandra":
        return _cassandra(uri, password)
    shown = f"{kind}://…" if colon else re.sub(r"//[^/@]*@", "//…@", uri)
    raise StoreError(f"--store {shown}: is no profile store; write {SHAPES}")


def _cassandra(uri: str, given: str | None) -> CassandraAddress:
    parts = urlsplit(uri)
    login, _, places = parts.netloc.rpartition("@")
    user, _, written = login.partition(":")
    places, _, port = places.partition(":") if not places.startswith("[") else (places, "", "")
    keyspace = parts.path.strip("/")
    options = dict(parse_qsl(parts.query))
    hosts = tuple(host for host in places.split(",") if host)
    known = {"datacenter", "snapshots"}
    if not hosts or not KEYSPACE.fullmatch(keyspace) or (port and not port.isdigit()) or options.keys() - known:
        raise StoreError(
            f"--store cassandra://{places}/{keyspace}: write cassandra://USER@HOST,HOST:PORT/KEYSPACE, the keyspace in "
            "small letters, then if need be ?datacenter=NAME&snapshots=accept"
        )
    return CassandraAddress(
        hosts,
        int(port or CQL_PORT),
        keyspace,
        unquote(user) or None,
        unquote(written) or given or os.environ.get(PASSWORD_VARIABLE),
        options.get("datacenter"),
        options.get("snapshots") == "accept",
    )
