"""Check one batch of a population table: good rows go on, broken rows and values are set aside with a reason.

A row whose required column is broken is left out. A broken optional value costs that value and not the row: a user
with an impossible birth year is still a user. Two values are read with more care, because a guess would do harm: a
`consent` that is neither true nor false counts as refused, and a tag of unknown `source` is left out, as it might
have been a rejection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.population.casting import Mask, cast_column, drop_values, present
from profiling.population.quarantine import quarantine_schema, quarantined
from profiling.tables import GENDERS, POPULATION, TAG_SOURCES

EARLIEST_BIRTH_YEAR = 1900  # nobody born earlier is alive (oldest living person of 2026: born 1909)
BOX_TOLERANCE = 0.01  # of the photo's side: rounding of whole pixels on a photo of 100 pixels; such boxes are clipped
PERSONAL = ("first_name", "last_name", "gender", "birth_year")  # never read of a user without consent
BOX = ("x", "y", "w", "h")
_ID_COLUMNS = ("user_id", "photo_id", "owner_id", "user_a", "user_b")

_BAD_VALUE = {  # the reason for a value that is none of its column's type; `bad_id` for ids, else `bad_text`
    "consent": "bad_consent",
    "birth_year": "bad_birth_year",
    "width": "bad_size",
    "height": "bad_size",
    "was_avatar": "bad_avatar",
    "taken_at": "bad_time",
    "version": "bad_version",
    "source": "bad_source",
}

Columns = dict[str, pa.Array]


@dataclass(frozen=True)
class Checked:
    """A checked batch.

    `rows` has the contract's types and whole required columns; `broken` is as `quarantine_schema`; `broken_ids` holds
    the ids of each row of `broken` as int64, null where they cannot be read.
    """

    rows: pa.Table
    broken: pa.Table
    broken_ids: pa.Table


@dataclass(frozen=True)
class _Flaw:
    reason: str
    where: Mask
    drops_row: bool


def check_batch(table: str, raw: pa.RecordBatch, this_year: int) -> Checked:
    """Check some rows of a population table.

    Parameters
    ----------
    table : "users", "photos", "tags" or "friendships".
    raw : the columns of the contract as they stand in the file (castable types); optional ones may be absent.
    this_year : the latest year somebody can have been born in.

    Notes
    -----
    Sees one batch only: duplicate keys and ids that lead nowhere show when the whole table is known (partition).
    """
    given: Columns = {name: raw.column(name) for name in raw.schema.names}
    columns, flaws = _cast(table, given, raw.num_rows)
    if table == "users":
        flaws = _withhold(columns, given, flaws)
    flaws += _CHECKS[table](columns, this_year)
    rows = pa.Table.from_pydict({column.name: columns[column.name] for column in POPULATION[table]})
    dropped, broken = _set_aside(flaws, raw.num_rows)
    texts = [quarantined(table, given, where, reason) for reason, where in broken]
    places = np.concatenate([np.zeros(0, np.int64), *(np.flatnonzero(where) for _, where in broken)])
    return Checked(
        rows.filter(pa.array(~dropped)) if dropped.any() else rows,
        pa.concat_tables([quarantine_schema(table).empty_table(), *texts]),
        rows.select([name for name in _ID_COLUMNS if name in columns]).take(pa.array(places)),
    )


def _set_aside(flaws: list[_Flaw], count: int) -> tuple[Mask, list[tuple[str, Mask]]]:
    """The rows to leave out, and what to quarantine: a dropped row once, a kept one once for each of its reasons."""
    dropped = np.zeros(count, np.bool_)
    broken: list[tuple[str, Mask]] = []
    for flaw in (flaw for flaw in flaws if flaw.drops_row and flaw.where.any()):
        broken.append((flaw.reason, flaw.where & ~dropped))
        dropped |= flaw.where
    by_reason: dict[str, Mask] = {}
    for flaw in (flaw for flaw in flaws if not flaw.drops_row and flaw.where.any()):
        by_reason[flaw.reason] = by_reason.get(flaw.reason, dropped & False) | flaw.where
    return dropped, broken + [(reason, where & ~dropped) for reason, where in by_reason.items()]


def _cast(table: str, given: Columns, count: int) -> tuple[Columns, list[_Flaw]]:
    columns: Columns = {}
    flaws: list[_Flaw] = []
    missing = np.zeros(count, np.bool_)
    for column in POPULATION[table]:
        values = given.get(column.name, pa.nulls(count))
        columns[column.name], bad = cast_column(values, column.type)
        is_id = column.required and column.name != "uri"
        if is_id:
            missing |= ~present(columns[column.name]) & ~bad
        if bad.any() and column.name != "uri":  # a uri that cannot be read is none: `_check_photos` says so
            reason = "bad_id" if is_id else _BAD_VALUE.get(column.name, "bad_text")
            flaws.append(_Flaw(reason, bad, is_id or column.name == "source"))
    return columns, [_Flaw("null_id", missing, True), *flaws]


def _withhold(columns: Columns, given: Columns, flaws: list[_Flaw]) -> list[_Flaw]:
    """Settle consent, and forget what is personal of users without it before anything is said about their values."""
    unclear = sum(
        (flaw.where for flaw in flaws if flaw.reason == "bad_consent"), np.zeros(len(columns["consent"]), bool)
    )
    consent = columns["consent"].fill_null(True).to_numpy(zero_copy_only=False) & ~unclear
    columns["consent"] = pa.array(consent)
    for name in PERSONAL:
        columns[name] = drop_values(columns[name], ~consent)
        if name in given:
            decoded = given[name].dictionary_decode() if pa.types.is_dictionary(given[name].type) else given[name]
            given[name] = drop_values(decoded, ~consent)
    about = ("null_id", "bad_id", "bad_consent")
    return [
        flaw if flaw.reason in about else _Flaw(flaw.reason, flaw.where & consent, flaw.drops_row) for flaw in flaws
    ]


def _check_users(columns: Columns, this_year: int) -> list[_Flaw]:
    for name in ("first_name", "last_name", "gender"):
        columns[name] = _blank_is_null(columns[name])
    strange = _not_among(columns["gender"], GENDERS)
    columns["gender"] = drop_values(columns["gender"], strange)
    years = columns["birth_year"].fill_null(EARLIEST_BIRTH_YEAR).to_numpy()
    impossible = (years < EARLIEST_BIRTH_YEAR) | (years > this_year)
    columns["birth_year"] = drop_values(columns["birth_year"], impossible)
    return [_Flaw("bad_gender", strange, False), _Flaw("bad_birth_year", impossible, False)]


def _check_photos(columns: Columns, this_year: int) -> list[_Flaw]:
    columns["camera"] = _blank_is_null(columns["camera"])
    blank = pc.equal(pc.utf8_trim_whitespace(columns["uri"]), "").fill_null(True)
    flaws = [_Flaw("no_uri", blank.to_numpy(zero_copy_only=False), True)]
    for name in ("width", "height"):
        impossible = columns[name].fill_null(1).to_numpy() <= 0
        columns[name] = drop_values(columns[name], impossible)
        flaws.append(_Flaw("bad_size", impossible, False))
    return flaws


def _check_tags(columns: Columns, this_year: int) -> list[_Flaw]:
    source = _blank_is_null(columns["source"])
    strange = _not_among(source, TAG_SOURCES)
    columns["source"] = source.fill_null("manual")
    box = np.stack([columns[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in BOX])
    missing = np.isnan(box)
    part = missing.any(axis=0) & ~missing.all(axis=0)
    clipped, outside = _clip_boxes(np.where(missing.any(axis=0), [[0.0], [0.0], [1.0], [1.0]], box))
    nowhere = missing.any(axis=0) | outside
    for name, side in zip(BOX, clipped, strict=True):
        columns[name] = pa.array(side.astype(np.float32), mask=nowhere)
    return [_Flaw("bad_source", strange, True), _Flaw("part_box", part, False), _Flaw("bad_box", outside, False)]


def _check_friendships(columns: Columns, this_year: int) -> list[_Flaw]:
    return [_Flaw("self_friendship", _true(pc.equal(columns["user_a"], columns["user_b"])), True)]


_CHECKS: dict[str, Callable[[Columns, int], list[_Flaw]]] = {
    "users": _check_users,
    "photos": _check_photos,
    "tags": _check_tags,
    "friendships": _check_friendships,
}


def _clip_boxes(box: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], Mask]:
    """Boxes x, y, w, h [4, n] cut to the photo, and which of them do not lie on it."""
    low, size = box[:2], box[2:]
    with np.errstate(invalid="ignore"):  # infinite boxes
        high = low + size
        inside = (low >= -BOX_TOLERANCE) & (high <= 1 + BOX_TOLERANCE) & (size > 0) & np.isfinite(high)
        start = np.where(low < 0, 0.0, low) + 0.0  # a negative zero becomes zero: equal boxes have equal bits
        extent = np.where((low < 0) | (high > 1), np.minimum(high, 1.0) - start, size)
    inside &= extent > 0
    outside: Mask = ~np.all(inside, axis=0)
    return np.concatenate([start, extent]), outside


def _true(values: pa.Array) -> Mask:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _not_among(values: pa.Array, allowed: tuple[str, ...]) -> Mask:
    return present(values) & ~_true(pc.is_in(values, value_set=pa.array(allowed)))


def _blank_is_null(values: pa.Array) -> pa.Array:
    return drop_values(values, _true(pc.equal(values, "")))
