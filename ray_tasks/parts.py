"""Photos on their way to a detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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
