"""Both kinds of places for a lake."""

from tests.object_server import bucket, lake_folder, object_server

__all__ = ["bucket", "lake_folder", "object_server"]
