"""Pick each user's best photos by metadata alone, so that no pixel is read for the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling import tables
from profiling.settings import SelectionSettings

FULL_RESOLUTION = 1_000_000  # pixels; the phones of the seed's years had one megapixel, more shows no more of a face
UNKNOWN_RESOLUTION = 0.5  # of full resolution: a photo without a stated size is neither praised nor blamed
HOUR = 3_600_000_000  # microseconds


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
    newest_first = np.where(dated, -taken, np.iinfo(np.int64).max)
    order = np.lexsort((-photo, newest_first, -quality, owner))
    hour = taken // HOUR
    with_date = order[dated[order]]
    late = np.zeros(len(photo), np.bool_)
    late[with_date] = _beyond(owner[with_date], hour[with_date], settings.photos_per_hour)
    order = np.lexsort((-photo, newest_first, -quality, late, owner))
    rank = place_in_run(owner[order])
    order, rank = order[rank < settings.photos_per_user], rank[rank < settings.photos_per_user]
    columns = [owner[order], photo[order], quality[order], rank.astype(np.int16)]
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


def _beyond(owner: npt.NDArray[np.int64], hour: npt.NDArray[np.int64], cap: int) -> npt.NDArray[np.bool_]:
    """Which of the photos, given best first within an owner, exceed `cap` of their hour."""
    order = np.lexsort((np.arange(len(owner)), hour, owner))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (np.diff(owner[order]) != 0) | (np.diff(hour[order]) != 0)
    position = np.empty(len(order), np.int64)
    position[order] = _since(fresh)
    return position >= cap


def place_in_run(sorted_keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, 2, … within each run of equal keys."""
    fresh = np.ones(len(sorted_keys), np.bool_)
    fresh[1:] = sorted_keys[1:] != sorted_keys[:-1]
    return _since(fresh)


def _since(fresh: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
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
