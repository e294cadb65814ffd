"""Both kinds of stores."""

from tests.stores import cassandra, fresh_store, kind, spoil, uri

__all__ = ["cassandra", "fresh_store", "kind", "spoil", "uri"]
