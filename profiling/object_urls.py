"""fsspec reads `s3://` and its kin by obstore, unless a package of fsspec's own for them is installed."""

from __future__ import annotations

import functools
import importlib.util

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}  # what fsspec would take


@functools.cache
def read_object_urls() -> None:
    """Let fsspec know obstore once a process; where obstore is missing, fsspec's own sentence names what to install."""
    if importlib.util.find_spec("obstore") is None:
        return
    from obstore.fsspec import register

    for scheme, package in PACKAGES.items():
        if importlib.util.find_spec(package) is None:
            register(scheme)
