"""Users of a generation for a page: those with a profile, those without by reason, and one user's clusters."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling.errors import LakeError
from profiling.leaders import REASONS
from profiling.report import UserStory
from ray_tasks.decoders import DecoderPool
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.reporting import Teller
from ray_tasks.showing.visible import Visible

NEVER_LISTED = "no_consent"  # nobody may look at them
LISTED = tuple(reason for reason in REASONS if reason != NEVER_LISTED)
PAGE = 50  # users a page
BUCKETS_A_PAGE = 64  # read at most for one page: some 100 MB of columns where a bucket holds a million users
STORIES_AT_ONCE = 3  # of one server; each holds a decoder's process of some 80 MB
COLUMNS = ["user_id", "reason", "margin", "weight"]

_AT_ONCE = threading.BoundedSemaphore(STORIES_AT_ONCE)


@dataclass(frozen=True)
class Place:
    """Where a page ends and the next begins: a bucket, and the last user of it that was listed (None = none yet)."""

    bucket: int = 0
    user: int | None = None


@dataclass(frozen=True)
class Listed:
    """A user: the lead of the heaviest cluster and its weight, None where there is no cluster."""

    user_id: int
    margin: float | None
    weight: float | None


@dataclass(frozen=True)
class ListedPage:
    """Some users of one reason, by bucket and id; `after` is where the next page begins, None = there is none."""

    users: tuple[Listed, ...]
    after: Place | None


def list_users(
    lake: Lake, generation: Generation, reason: str, begin: Place | None = None, limit: int = PAGE
) -> ListedPage:
    """Users who may be shown and of whom a generation says `reason` ("ok" = has a profile).

    Notes
    -----
    A page reads `BUCKETS_A_PAGE` buckets at most, so it may hold fewer users than `limit` although more follow.

    Raises
    ------
    LakeError
        `reason` is none of `LISTED`, or the generation has no such bucket.
    """
    start = begin or Place()
    if reason not in LISTED:
        raise LakeError(f"reason {reason!r}: there are {', '.join(LISTED)}")
    if not 0 <= start.bucket < lake.buckets:
        raise LakeError(f"bucket {start.bucket}: this lake has {lake.buckets}; begin with the first page")
    visible, found = Visible(lake, generation), list[Listed]()
    end = min(lake.buckets, start.bucket + BUCKETS_A_PAGE)
    for bucket in range(start.bucket, end):
        past = start.user if bucket == start.bucket else None
        for user in _of_bucket(lake, generation, bucket, reason, past, visible):
            if len(found) == limit:
                return ListedPage(tuple(found), Place(bucket, past))
            found.append(user)
            past = user.user_id
    return ListedPage(tuple(found), Place(end) if end < lake.buckets else None)


def tell_story(lake: Lake, generation: Generation, user: int) -> UserStory:
    """One user's clusters with crops of the faces, evidence and explanation.

    Raises
    ------
    LakeError
        The generation holds no such user, or one who must not be shown: nobody can tell which.
    """
    if not Visible(lake, generation).holds(user):
        raise LakeError(f"user {user}: generation {generation.id} holds no such user; check the id")
    tables = GenerationTables(lake, generation)
    with _AT_ONCE, DecoderPool(1, generation.population, tables.settings.decoding) as decoders:
        return Teller(tables).tell(user, decoders)


def _of_bucket(
    lake: Lake, generation: Generation, bucket: int, reason: str, past: int | None, visible: Visible
) -> list[Listed]:
    profiles = lake.read(generation.manifest(lake, generation.last_round, bucket), "profiles", COLUMNS)
    wanted = pc.equal(profiles["reason"], reason)
    if past is not None:
        wanted = pc.and_(wanted, pc.greater(profiles["user_id"], past))
    rows = profiles.filter(wanted)
    rows = rows.filter(pa.array(np.isin(rows["user_id"].to_numpy(), visible.of_bucket(bucket)))).sort_by("user_id")
    return [Listed(row["user_id"], _known(row["margin"]), _known(row["weight"])) for row in rows.to_pylist()]


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
