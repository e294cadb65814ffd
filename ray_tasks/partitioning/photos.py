"""Photos by their owner's bucket, and who owns a photo by the photo's own bucket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from profiling.population import Population, quarantine_schema
from profiling.runs import fresh
from profiling.tables import PHOTOS
from ray_tasks.partitioning.users import refuse_duplicates
from ray_tasks.partitioning.work import Ids, Mask, Work, ids_of, look_up, select, sort_rows
from ray_tasks.shuffle import Shuffle

_KEYS = pa.schema([("photo_id", pa.int64()), ("owner_id", pa.int64())])
_BROKEN = quarantine_schema("photos").append(pa.field("owner", pa.int64()))


@dataclass(frozen=True)
class Photos:
    """Photos on their way: whole ones and broken ones by owner, and (photo_id, owner_id) by photo.

    Broken photos wait until their owner's consent is known: of a user without it not even a quarantined row is kept.
    """

    by_owner: Shuffle
    broken: Shuffle
    owners: Shuffle


def shuffle_photos(work: Work, population: Population) -> Photos:
    """Stream the photos into their buckets; those of forgotten owners leave nothing but their id."""
    photos = Photos(
        work.shuffle("photos", PHOTOS), work.shuffle("photos-broken", _BROKEN), work.shuffle("photo-owners", _KEYS)
    )
    for checked in population.batches("photos"):
        work.send(photos.owners, checked.rows.select(_KEYS.names), "photo_id")
        gone = work.is_forgotten(ids_of(checked.rows, "owner_id"))
        work.tally.count(0, "photos.forgotten", int(gone.sum()))
        work.send(photos.by_owner, select(checked.rows, ~gone), "owner_id")
        broken, ids = work.without_forgotten(checked)
        owned = ids["owner_id"].is_valid().to_numpy().astype(np.bool_)
        work.tally.set_aside(0, "photos", select(broken, ~owned))
        waiting = select(broken.append_column("owner", ids["owner_id"]), owned)
        work.send(photos.broken, waiting, "owner")
        work.advance(len(checked.rows))
    for shuffle in (photos.by_owner, photos.broken, photos.owners):
        shuffle.finish()
    return photos


def load_owners(work: Work, photos: Photos, bucket: int) -> tuple[Ids, Ids]:
    """Sorted photo ids that hash into this bucket, and their owners, the forgotten ones included.

    Raises
    ------
    PopulationError
        A photo_id stands there twice.
    """
    keys = photos.owners.read(bucket)
    gone = work.is_forgotten(ids_of(keys, "owner_id"))
    keys = sort_rows(keys.append_column("gone", pa.array(gone.astype(np.int8))), "photo_id", "gone")
    alive = keys["gone"].to_numpy() == 0
    refuse_duplicates("photos", "photo_id", select(keys, alive))
    ids, owners = ids_of(keys, "photo_id"), ids_of(keys, "owner_id")
    first = fresh(ids)
    return ids[first], owners[first]


def finish_photos(work: Work, photos: Photos, users: pa.Table, bucket: int) -> pa.Table:
    """Table `photos` of a bucket, as PHOTOS: only those of its users with consent."""
    rows = photos.by_owner.read(bucket)
    known, consent = owners_consent(users, ids_of(rows, "owner_id"))
    work.tally.set_aside_rows(bucket, "photos", rows, ~known, "unknown_owner")
    work.tally.count(bucket, "photos.no_consent", int((known & ~consent).sum()))
    broken = photos.broken.read(bucket)
    known, allowed = owners_consent(users, ids_of(broken, "owner"))
    work.tally.set_aside(bucket, "photos", select(broken, allowed | ~known).drop_columns(["owner"]))
    return sort_rows(select(rows, consent), "owner_id", "photo_id")


def owners_consent(users: pa.Table, owner_ids: Ids) -> tuple[Mask, Mask]:
    """Which owners are users of this bucket, and which of them consent."""
    place = look_up(ids_of(users, "user_id"), owner_ids)
    consent = np.append(users["consent"].to_numpy(), False).astype(np.bool_)[place]
    return place >= 0, consent
