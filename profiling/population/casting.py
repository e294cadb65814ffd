"""Turn the columns that people write into the types of the contract, value by value.

Databases and data frames write one and the same column in many ways: ids as int32 or, with a missing one among them,
as double; text as large_string, dictionary or bytes; times in any unit and zone. All of these are read. What cannot
be one value of the wanted type is marked instead of stopping the run; a column of another kind altogether is refused.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask: TypeAlias = npt.NDArray[np.bool_]

EXACT = {16: 2**11, 32: 2**24, 64: 2**53}  # bits of a float: up to where it holds every whole number (IEEE 754)
MICROSECONDS = {"s": 10**6, "ms": 10**3, "us": 1}  # microseconds a tick; nanoseconds always fit


def castable(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column of type `given` can hold values of type `wanted` of the contract."""
    kind = given.value_type if pa.types.is_dictionary(given) else given
    if pa.types.is_null(kind):
        return True
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if pa.types.is_boolean(wanted):
        return bool(number or pa.types.is_boolean(kind))
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    if pa.types.is_string(wanted):
        return bool(_is_text(kind))
    return bool(number)


def cast_column(values: pa.Array, wanted: pa.DataType) -> tuple[pa.Array, Mask]:
    """Values of a castable column as `wanted`.

    Returns
    -------
    the array, null where a value is missing or cannot be one of this type; and a mask of the latter. A NaN is missing.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), wanted), np.zeros(len(values), np.bool_)
    if pa.types.is_boolean(wanted):
        return _to_flags(values)
    if pa.types.is_timestamp(wanted):
        return _to_times(values)
    if pa.types.is_string(wanted):
        return _to_text(values)
    if pa.types.is_floating(wanted):
        return pc.if_else(pc.is_nan(values.cast(pa.float64())), None, values.cast(wanted)), _none(values)
    return _to_integers(values, wanted)


def present(values: pa.Array) -> Mask:
    """True where there is a value."""
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)


def drop_values(values: pa.Array, where: Mask) -> pa.Array:
    """The array with nulls where the mask says so."""
    if not where.any():
        return values
    return pc.if_else(pa.array(where), pa.scalar(None, values.type), values)


def _is_text(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return bool(text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _none(values: pa.Array) -> Mask:
    return np.zeros(len(values), np.bool_)


def _to_integers(values: pa.Array, wanted: pa.DataType) -> tuple[pa.Array, Mask]:
    info = np.iinfo(wanted.to_pandas_dtype())
    low, high = int(info.min), int(info.max)
    if pa.types.is_floating(values.type):
        exact = EXACT[values.type.bit_width]
        low, high = max(low, -exact), min(high, exact)
        values = values.cast(pa.float64())
        values = pc.if_else(pc.is_nan(values), None, values)
    there = present(values)
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
    fits = (numbers >= low) & (numbers <= high)
    if pa.types.is_floating(values.type):
        fits &= np.floor(numbers) == numbers
    numbers = np.where(fits, numbers, 0).astype(info.dtype)
    return pa.array(numbers, wanted, mask=~(fits & there)), there & ~fits


def _to_flags(values: pa.Array) -> tuple[pa.Array, Mask]:
    if pa.types.is_boolean(values.type):
        return values, _none(values)
    numbers, bad = _to_integers(values, pa.int64())
    bad = bad | (present(numbers) & (numbers.fill_null(0).to_numpy() >> 1 != 0))  # neither 0 nor 1
    return drop_values(numbers, bad).cast(pa.bool_()), bad


def _to_times(values: pa.Array) -> tuple[pa.Array, Mask]:
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("s" if pa.types.is_date32(values.type) else "ms"))
    unit = values.type.unit
    values = values.cast(pa.timestamp(unit))  # of a zone: the same moment in UTC
    if unit == "ns":
        return values.cast(pa.timestamp("us"), safe=False), _none(values)
    ticks = values.cast(pa.int64())
    limit = np.iinfo(np.int64).max // MICROSECONDS[unit]
    numbers = ticks.fill_null(0).to_numpy()
    bad = (numbers > limit) | (numbers < -limit)
    return drop_values(values, bad).cast(pa.timestamp("us")), bad


def _to_text(values: pa.Array) -> tuple[pa.Array, Mask]:
    try:
        text = values.cast(pa.string())
        text.validate(full=True)
        return text, _none(values)
    except pa.ArrowInvalid:  # some value is not UTF-8: look at each
        decoded = [_decode(value) for value in values.cast(pa.binary()).to_pylist()]
        text = pa.array([value if isinstance(value, str) else None for value in decoded], pa.string())
        return text, np.array([value is False for value in decoded], np.bool_)


def _decode(value: bytes | None) -> str | bool | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return False
