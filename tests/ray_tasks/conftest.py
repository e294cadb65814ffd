"""Both kinds of stores, and both kinds of places for a lake."""

from tests.object_server import bucket, lake_folder, object_server
from tests.stores import cassandra, fresh_store, kind, spoil, uri

__all__ = ["bucket", "cassandra", "fresh_store", "kind", "lake_folder", "object_server", "spoil", "uri"]
