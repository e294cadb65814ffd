"""Ids made of names, so that the same folder gives the same ids on every machine and on every day."""

from __future__ import annotations

import hashlib
import unicodedata


def name_key(name: str) -> str:
    """The form in which names are compared: macOS and Linux write one and the same "é" in different code points."""
    return unicodedata.normalize("NFC", name)


def stable_id(name: str) -> int:
    """A positive int64 that depends on the name alone: blake2b, so a million names are distinct but for 1 in 10**7."""
    return int.from_bytes(hashlib.blake2b(name_key(name).encode("utf-8"), digest_size=8).digest(), "big") >> 1
