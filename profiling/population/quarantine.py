"""Why a row, or a value of it, was set aside, and the table that keeps it for people to look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.tables import POPULATION

REASONS: dict[str, str] = {
    "null_id": "an id is missing; the row was left out",
    "bad_id": "an id is not a whole number of 64 bits; the row was left out",
    "no_uri": "the uri is missing, empty or not UTF-8; the row was left out",
    "bad_text": "the text is not UTF-8; the value was left out, the row kept",
    "bad_gender": "gender is neither 'female' nor 'male'; the value was left out, the row kept",
    "bad_birth_year": "birth_year lies before 1900 or after this year; the value was left out, the row kept",
    "bad_consent": "consent is neither true nor false; the user counts as one without consent",
    "bad_size": "width or height is not a number of pixels; the value was left out, the row kept",
    "bad_avatar": "was_avatar is neither true nor false; the value was left out, the row kept",
    "bad_time": "taken_at is no time that fits 64 bits of microseconds; the value was left out, the row kept",
    "bad_version": "version is not a whole number of 64 bits; the value was left out, the row kept",
    "bad_source": "source is none of 'manual', 'confirmed', 'rejected'; the row was left out",
    "part_box": "some of x, y, w, h are missing; the tag counts for the photo as a whole",
    "bad_box": "the box does not lie on the photo; the tag counts for the photo as a whole",
    "self_friendship": "the two users are one; the row was left out",
    "repeated": "the same row stands here twice; it counts once",
    "unknown_owner": "no user has this owner_id; the row was left out",
    "unknown_photo": "no photo has this photo_id; the row was left out",
    "unknown_user": "no user has this id; the row was left out",
}


def quarantine_schema(table: str) -> pa.Schema:
    """Columns of `quarantine/<table>.parquet`: the population's, all as text, and reason (a code) and explanation."""
    names = [column.name for column in POPULATION[table]] + ["reason", "explanation"]
    return pa.schema([(name, pa.string()) for name in names])


def quarantined(table: str, columns: Mapping[str, pa.Array], where: npt.NDArray[np.bool_], reason: str) -> pa.Table:
    """The rows under the mask, as text, with their reason.

    Parameters
    ----------
    columns : arrays of any types under the population's column names; absent ones are left empty.
    where : rows to take.
    reason : a code of REASONS.
    """
    rows = pa.array(np.flatnonzero(where))
    texts = []
    for column in POPULATION[table]:
        values = columns.get(column.name)
        texts.append(pa.nulls(len(rows), pa.string()) if values is None else _as_text(values.take(rows)))
    texts += [pa.repeat(reason, len(rows)), pa.repeat(REASONS[reason], len(rows))]
    return pa.Table.from_arrays(texts, schema=quarantine_schema(table))


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp(values.type.unit))  # writing out a zone needs a time-zone database
    try:
        text = pc.cast(values, pa.string())
        text.validate(full=True)
        return text
    except pa.ArrowInvalid:
        raw = values.cast(pa.binary()).to_pylist()
        return pa.array([None if value is None else value.decode("utf-8", "replace") for value in raw], pa.string())
