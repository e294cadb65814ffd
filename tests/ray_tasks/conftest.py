"""Both kinds of stores."""

from tests.stores import spoil, uri

__all__ = ["spoil", "uri"]
