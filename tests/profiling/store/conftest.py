"""Both kinds of stores, empty, by URI; the Cassandra one where a server can be started."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["arrow"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URI of a store that is there and empty."""
    from profiling.store import create_store

    uri = f"arrow://{tmp_path / 'store'}"
    create_store(uri).close()
    return uri
