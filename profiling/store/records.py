"""What a profile store keeps: generations as lists of segments, and the profiles that a reader gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from profiling.leaders import REASONS

WRITING = "writing"  # a publish is or was under way; nobody reads it
READY = "ready"  # complete and counted; may be activated
DROPPED = "dropped"  # retired: its record stays, what only it needed is gone
STATES = (WRITING, READY, DROPPED)

GONE = "gone"
FORGOTTEN = "forgotten"
UNKNOWN = "unknown"
STORE_REASONS = REASONS | {  # why a user has no profile: of the lake, and of the store itself
    GONE: "is no longer in the population",
    FORGOTTEN: "asked to be forgotten",
    UNKNOWN: "is not in this generation",
}


@dataclass(frozen=True)
class StoredGeneration:
    """One generation of a store.

    Parameters
    ----------
    number : of this store, from 1, never used twice; also that of the segment which this generation wrote.
    id : of the lake's generation. model : `ModelEntry.vectors_id` of its vectors; dim : their length.
    segments : numbers of what a reader takes profiles from: the base, then its deltas, oldest first.
    buckets : parts that its own segment is written in, a power of two.
    state : of `STATES`. created : seconds since 1970.
    users, rows : in its own segment; 0 until it is ready.
    replaced : number of the generation that was active before it; None = it was never active, or was the first.
    """

    number: int
    id: str
    model: str
    dim: int
    segments: tuple[int, ...]
    buckets: int
    state: str
    created: float
    users: int = 0
    rows: int = 0
    replaced: int | None = None

    @property
    def base(self) -> int:
        """The segment that it stands on."""
        return self.segments[0]

    @property
    def deltas(self) -> int:
        """Deltas on its base, its own included."""
        return len(self.segments) - 1

    @property
    def kind(self) -> str:
        """What it wrote itself."""
        return "delta" if self.deltas else "base"

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> StoredGeneration:
        """The inverse of `to_json`."""
        return cls(**{**record, "segments": tuple(record["segments"])})


@dataclass(frozen=True)
class Counts:
    """Users and rows of a segment, or of one bucket of it."""

    users: int = 0
    rows: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.users + other.users, self.rows + other.rows)


@dataclass(frozen=True)
class Head:
    """What changes in a store: the active generation's number, since when, and the ledger's version (0 = empty).

    `erased` counts erasures after which files must be opened anew; always 0 where there are none.
    """

    active: int | None = None
    since: float = 0.0
    ledger: int = 0
    erased: int = 0


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """What a store answers for one user.

    Parameters
    ----------
    reason : "ok" for a user with a profile, else a code of `STORE_REASONS`.
    vectors : float16 [profiles, dim], unit length, 0 to 2 of them; may be a view of the store's memory: read-only.
    clusters : the user's leaders, one a vector. weight, margin, faces : of the first leader, as in table `profiles`.
    segment : number of the segment that the answer comes from; None = from none.
    """

    user_id: int
    reason: str
    vectors: npt.NDArray[np.float16]
    clusters: tuple[int, ...] = ()
    weight: float = float("nan")
    margin: float = float("nan")
    faces: int = 0
    segment: int | None = None

    @property
    def resolved(self) -> bool:
        """Whether the user has a profile."""
        return self.reason == "ok"
