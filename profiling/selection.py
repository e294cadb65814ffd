"""Pick each user's best photos by metadata alone, so that no pixel is read for the rest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling import tables
from profiling.row_order import real, row_order, signed
from profiling.runs import fresh
from profiling.settings import SelectionSettings

FULL_RESOLUTION = 1_000_000  # pixels; the phones of the seed's years had one megapixel, more shows no more of a face
UNKNOWN_RESOLUTION = 0.5  # of full resolution: a photo without a stated size is neither praised nor blamed
HOUR = 3_600_000_000  # microseconds
PHOTOS_A_PIECE = 65_536  # photos ranked at a time: their keys stay in the processor's cache

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def select_photos(photos: pa.Table, tags: pa.Table, settings: SelectionSettings | None = None) -> pa.Table:
    """The best photos of every owner, best first.

    Parameters
    ----------
    photos : table ``photos`` (`tables.PHOTOS`), any order, any number of owners.
    tags : table ``tags`` (`tables.TAGS`) of the same owners; rejected tags count nothing.
    settings : weights of the signs of a good photo, and how many photos to take.

    Returns
    -------
    table ``selection`` (`tables.SELECTION`), sorted by owner_id, rank. At most `photos_per_user` rows an owner.
    Photos beyond `photos_per_hour` of one clock hour go behind all others of their owner, so they are taken only when
    nothing else is left; photos without a date are never held back. Ties go to the newer photo, then to the larger
    id, so that a rerun picks the same photos.

    Notes
    -----
    O(n log n) in the photos of the bucket, independent of the number of owners.
    """
    settings = settings or SelectionSettings()
    photo, owner = _integers(photos["photo_id"]), _integers(photos["owner_id"])
    quality = photo_quality(photos, tags, settings)
    taken, dated = _moments(photos["taken_at"])
    if not bool((owner[1:] >= owner[:-1]).all()):
        by_owner = np.argsort(owner, kind="stable")
        photo, owner, taken = photo[by_owner], owner[by_owner], taken[by_owner]
        quality, dated = quality[by_owner], dated[by_owner]
    chosen = [
        first + _best(photo[first:last], owner[first:last], quality[first:last], taken[first:last], dated[first:last],
                      settings)
        for first, last in _pieces(owner)
    ]  # fmt: skip
    order = np.concatenate([np.zeros(0, np.int64), *chosen])
    rank = place_in_run(owner[order]).astype(np.int16)
    columns = [owner[order], photo[order], quality[order], rank]
    return pa.table([pa.array(column) for column in columns], schema=tables.SELECTION)


def photo_quality(photos: pa.Table, tags: pa.Table, settings: SelectionSettings) -> npt.NDArray[np.float32]:
    """How good each photo promises to be, float32 [photos]: the weighted sum of its signs, higher is better."""
    tagged = pc.is_in(photos["photo_id"], value_set=pc.unique(_kept_tags(tags)["photo_id"]))
    width, height = _numbers(photos["width"]), _numbers(photos["height"])
    resolution = np.minimum(width * height / FULL_RESOLUTION, 1.0)
    resolution[~(resolution > 0)] = UNKNOWN_RESOLUTION
    camera = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(photos["camera"])), 0)
    quality = (
        settings.tagged * _flags(tagged)
        + settings.avatar * _flags(photos["was_avatar"])
        + settings.camera * _flags(camera)
        + settings.resolution * resolution
    )
    return np.asarray(quality, np.float32)


def _kept_tags(tags: pa.Table) -> pa.Table:
    return tags.filter(pc.not_equal(pc.fill_null(tags["source"], "manual"), "rejected"))


def _pieces(owner: Ints) -> Iterator[tuple[int, int]]:
    """Photos of whole owners, sorted by owner, about `PHOTOS_A_PIECE` at a time."""
    first = 0
    while first < len(owner):
        last = min(first + PHOTOS_A_PIECE, len(owner))
        if last < len(owner):
            start = int(np.searchsorted(owner, owner[last]))
            last = start if start > first else int(np.searchsorted(owner, owner[last], "right"))
        yield first, last
        first = last


def _best(
    photo: Ints, owner: Ints, quality: npt.NDArray[np.float32], taken: Ints, dated: Flags, settings: SelectionSettings
) -> Ints:
    """Places of the photos taken, by owner (`owner` ascends) and rank."""
    newest = np.where(dated, ~signed(taken), np.iinfo(np.uint64).max)
    order = row_order([~signed(photo), newest, real(-quality), signed(owner)])
    late = np.zeros(len(order), np.bool_)
    with_date = np.flatnonzero(dated[order])
    hour = taken[order[with_date]] // HOUR
    late[with_date] = _beyond(owner[order[with_date]], hour, settings.photos_per_hour)
    begins = fresh(owner)  # which `order` leaves as it is
    before: Ints = np.cumsum(~late) - ~late
    first = np.flatnonzero(begins)
    early = np.add.reduceat(~late, first, dtype=np.int64) if len(first) else first
    album = np.cumsum(begins) - 1
    mine: Ints = before - before[first][album]  # photos of the owner that come first, so far
    rank = np.where(late, early[album] + np.arange(len(order)) - first[album] - mine, mine)
    ranked = np.empty_like(order)
    ranked[first[album] + rank] = order
    return ranked[_since(begins) < settings.photos_per_user]


def _beyond(owner: Ints, hour: Ints, cap: int) -> Flags:
    """Which of the photos, given best first within an owner, exceed `cap` of their hour."""
    order = row_order([signed(hour), signed(owner)])
    position = np.empty(len(order), np.int64)
    position[order] = _since(fresh(owner[order]) | fresh(hour[order]))
    return position >= cap


def place_in_run(sorted_keys: Ints) -> Ints:
    """0, 1, 2, … within each run of equal keys."""
    return _since(fresh(sorted_keys))


def _since(fresh: Flags) -> Ints:
    """How many places ago `fresh` was last True (its first entry is)."""
    here = np.arange(len(fresh))
    return here - np.maximum.accumulate(np.where(fresh, here, 0))


def _integers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(column.to_numpy(), np.int64)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), np.float64)


def _flags(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)


def _moments(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Microseconds since 1970 (0 where unknown) and which are known."""
    dated = np.asarray(pc.is_valid(column).to_numpy(zero_copy_only=False), np.bool_)
    return _integers(pc.fill_null(column.cast(pa.timestamp("us")).cast(pa.int64()), 0)), dated
