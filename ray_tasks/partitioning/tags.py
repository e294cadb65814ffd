"""Tags: first to their photo for its owner, then to the tagged user for the consent, then to the owner's bucket."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.population import Population, tagged_pairs
from profiling.tables import POPULATION, TAG_SOURCES, TAGS
from ray_tasks.partitioning.photos import Photos, load_owners, owners_consent
from ray_tasks.partitioning.users import Directory
from ray_tasks.partitioning.work import Mask, Work, ids_of, look_up, select, sort_rows
from ray_tasks.shuffle import Shuffle

PAIRS = pa.schema([("user_id", pa.int64()), ("other_id", pa.int64())])
_GIVEN = pa.schema([(column.name, column.type) for column in POPULATION["tags"]])
_BOX = ("x", "y", "w", "h")


def shuffle_tags(work: Work, population: Population) -> Shuffle:
    """Stream the tags to the buckets of their photos."""
    by_photo = work.shuffle("tags", _GIVEN)
    for checked in population.batches("tags"):
        gone = work.is_forgotten(ids_of(checked.rows, "user_id"))
        work.tally.count(0, "tags.forgotten", int(gone.sum()))
        work.send(by_photo, select(checked.rows, ~gone), "photo_id")
        work.tally.set_aside(0, "tags", work.without_forgotten(checked)[0])
        work.advance(len(checked.rows))
    by_photo.finish()
    return by_photo


def add_owners(work: Work, by_photo: Shuffle, photos: Photos) -> Shuffle:
    """Give each tag its photo's owner and send it to the bucket of the tagged user; a repeated tag counts once.

    Raises
    ------
    PopulationError
        A photo_id stands there twice.
    """
    by_user = work.shuffle("tags-by-user", TAGS)
    for bucket in range(work.lake.buckets):
        photo_ids, owner_ids = load_owners(work, photos, bucket)
        rows = _sort_tags(by_photo.read(bucket))
        place = look_up(photo_ids, ids_of(rows, "photo_id"))
        owner = np.append(owner_ids, 0)[place]
        known, gone = place >= 0, (place >= 0) & work.is_forgotten(owner)
        repeated = known & ~gone & _same_as_before(rows)
        work.tally.count(bucket, "tags.forgotten", int(gone.sum()))
        work.tally.set_aside_rows(bucket, "tags", rows, ~known, "unknown_photo")
        work.tally.set_aside_rows(bucket, "tags", rows, repeated, "repeated")
        rows = rows.append_column("owner_id", pa.array(owner)).select(TAGS.names)
        work.send(by_user, select(rows, known & ~gone & ~repeated), "user_id")
    by_user.finish()
    by_photo.drop()
    photos.owners.drop()
    return by_user


def check_tagged(work: Work, by_user: Shuffle, directory: Directory) -> Shuffle:
    """Keep the tags of users with consent and send them to the buckets of the photos' owners."""
    by_owner = work.shuffle("tags-by-owner", TAGS)
    for bucket in range(work.lake.buckets):
        rows = by_user.read(bucket)
        numbers, consent = directory.find(bucket, ids_of(rows, "user_id"))
        work.tally.set_aside_rows(bucket, "tags", rows, numbers < 0, "unknown_user")
        work.tally.count(bucket, "tags.no_consent", int(((numbers >= 0) & ~consent).sum()))
        work.send(by_owner, select(rows, consent), "owner_id")
    by_owner.finish()
    by_user.drop()
    return by_owner


def finish_tags(work: Work, by_owner: Shuffle, users: pa.Table, bucket: int, pairs: Shuffle) -> pa.Table:
    """Table `tags` of a bucket, as TAGS; whoever stands on one photo goes to `pairs`, in both directions."""
    rows = by_owner.read(bucket)
    known, consent = owners_consent(users, ids_of(rows, "owner_id"))
    work.tally.set_aside_rows(bucket, "tags", rows, ~known, "unknown_owner")
    work.tally.count(bucket, "tags.no_consent", int((known & ~consent).sum()))
    rows = sort_rows(_sort_tags(select(rows, consent)), "owner_id")
    seen = select(rows, rows["source"].to_numpy() != "rejected")
    for left, right in tagged_pairs(*(ids_of(seen, name) for name in ("photo_id", "owner_id", "user_id"))):
        work.send(pairs, pa.table([left, right], schema=PAIRS), "user_id")
    return rows


def _sort_tags(rows: pa.Table) -> pa.Table:
    """By photo_id, user_id, box and source: one order for any order of the input."""
    whole = rows
    for name, values in _comparable(rows).items():
        whole = whole.append_column(f"{name}_bits", pa.array(values))
    added = [f"{name}_bits" for name in (*_BOX, "source")]
    return sort_rows(whole, "photo_id", "user_id", *added).drop_columns(added)


def _same_as_before(rows: pa.Table) -> Mask:
    same = np.zeros(len(rows), np.bool_)
    ids = [ids_of(rows, "photo_id"), ids_of(rows, "user_id")]
    columns: list[npt.NDArray[np.integer]] = [*ids, *_comparable(rows).values()]
    if len(rows):
        same[1:] = np.logical_and.reduce([values[1:] == values[:-1] for values in columns])
    return same


def _comparable(rows: pa.Table) -> dict[str, npt.NDArray[np.int32]]:
    """Box and source as integers, equal exactly when the values are; boxes lie in 0 to 1, a missing one at -1."""
    bits = {name: rows[name].fill_null(-1.0).to_numpy().view(np.int32) for name in _BOX}
    source = pc.index_in(rows["source"], value_set=pa.array(TAG_SOURCES)).to_numpy()
    return bits | {"source": source.astype(np.int32)}
