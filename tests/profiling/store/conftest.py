"""Both kinds of stores."""

from tests.stores import fresh_store, kind, spoil, uri

__all__ = ["fresh_store", "kind", "spoil", "uri"]
