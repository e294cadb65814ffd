"""Photos on their way to a detector, and how tiny parts of several buckets go there together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PHOTOS_A_BUNDLE = 64  # four windows of photos: filling and emptying the stream is then a small share


@dataclass(frozen=True)
class PhotoList:
    """Photos to look at, in photo order: ids, versions and URIs, of equal length."""

    photo_ids: npt.NDArray[np.int64]
    versions: npt.NDArray[np.int64]
    uris: Sequence[str]

    def __len__(self) -> int:
        return len(self.uris)


@dataclass(frozen=True)
class Part:
    """Photos of one bucket that become one part file."""

    stage: str
    bucket: int
    fingerprint: str
    photos: PhotoList


def join_photos(parts: Sequence[Part]) -> PhotoList:
    """The photos of several parts, one part after the other."""
    lists = [part.photos for part in parts]
    return PhotoList(
        np.concatenate([each.photo_ids for each in lists]),
        np.concatenate([each.versions for each in lists]),
        [uri for each in lists for uri in each.uris],
    )


def bundle(parts: Sequence[Part], detectors: int) -> list[list[Part]]:
    """Parts in bundles of which each keeps a detector busy: a part of `PHOTOS_A_BUNDLE` photos or more is one alone.

    A night leaves each bucket a few photos; looked at bucket by bucket, they would cost a whole batch each.

    Returns
    -------
    Bundles of ascending size; with few photos in all at least as many as there are detectors, where parts allow it.
    """
    total = sum(len(part.photos) for part in parts)
    most = min(PHOTOS_A_BUNDLE, -(-total // max(1, detectors)))
    found: list[list[Part]] = []
    room = 0
    for part in sorted(parts, key=lambda each: -len(each.photos)):
        if len(part.photos) > room:
            found.append([])
            room = most
        found[-1].append(part)
        room -= len(part.photos)
    return found[::-1]
