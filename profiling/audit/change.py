"""What became of each user's profile since the last generation of the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.albums import find, integers
from profiling.exact import cosine_rows
from profiling.vectors import unpack_vectors

COUNTS = ("common", "had", "kept", "moved", "replaced", "lost", "withdrawn", "gained", "new_users", "gone_users")


@dataclass(frozen=True)
class Before:
    """A bucket's table `profiles` of the last generation, and how its vectors compare with today's.

    `comparable` : both generations were made with one network, so vectors may be compared.
    `moved_cosine` : a profile below this cosine to its last one has moved; `other_distance` : cosine distance beyond
    which it is another face: the scale of the network.
    """

    profiles: pa.Table
    comparable: bool
    moved_cosine: float
    other_distance: float


@dataclass(frozen=True)
class Change:
    """Whom a generation was compared with: its id and when it was made (seconds since 1970)."""

    generation: str
    created: float


def compare(now: pa.Table, before: Before) -> dict[str, int]:
    """Count a bucket's users by what became of their profile: the keys of `COUNTS`.

    `common` users are in both generations; of the `had` among them that had a profile some lost it: `withdrawn` if
    they do not consent any more or have no photos, else `lost`. Of the `kept` ones `replaced` show another face and
    `moved` the same face elsewhere (both 0 where vectors cannot be compared). `gained` had none before.
    """
    then = before.profiles.sort_by("user_id")
    now = now.sort_by("user_id")
    place, known = find(integers(now["user_id"]), integers(then["user_id"]))
    now, rows = now.filter(pa.array(known)), then.take(pa.array(place[known]))
    has, had = _resolved(now), _resolved(rows)
    gone = np.asarray(pc.is_in(now["reason"], value_set=pa.array(["no_consent", "no_photos"])), np.bool_)
    kept = has & had
    moved, replaced = _movement(now.filter(pa.array(kept)), rows.filter(pa.array(kept)), before)
    counts = {
        "common": len(now),
        "had": int(had.sum()),
        "kept": int(kept.sum()),
        "moved": moved,
        "replaced": replaced,
        "lost": int((had & ~has & ~gone).sum()),
        "withdrawn": int((had & gone).sum()),
        "gained": int((has & ~had).sum()),
        "new_users": int((~known).sum()),
        "gone_users": len(then) - len(now),
    }
    return {name: counts[name] for name in COUNTS}


def summarise(counts: Mapping[str, int], since: Change) -> dict[str, Any]:
    """The counts of all buckets with the shares that gates look at (None where nobody had a profile)."""
    had, kept = counts["had"] - counts["withdrawn"], counts["kept"]
    return {
        "generation": since.generation,
        "created": since.created,
        **counts,
        "lost_share": counts["lost"] / had if had else None,
        "replaced_share": counts["replaced"] / kept if kept else None,
    }


def _resolved(profiles: pa.Table) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.equal(profiles["reason"], "ok"), np.bool_)


def _movement(now: pa.Table, then: pa.Table, before: Before) -> tuple[int, int]:
    """Profiles of the same face elsewhere, and of another face.

    A joint account's two profiles may change places: each is held against the nearer of the two there were.
    """
    if not before.comparable or len(now) == 0:
        return 0, 0
    olds = [unpack_vectors(then[name]) for name in ("profile", "second_profile")]
    ours = unpack_vectors(now["profile"])
    cosine = np.fmax(*(np.where(old.any(axis=1), cosine_rows(ours, old), -1.0) for old in olds))
    replaced = cosine < 1.0 - before.other_distance
    moved = ~replaced & (cosine < before.moved_cosine)
    return int(moved.sum()), int(replaced.sum())
