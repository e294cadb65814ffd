"""Digests of what a user's result depends on, for all users of a bucket at once: equal digests, equal results.

A user's inputs are rows of tables. Every row is mixed into two 64-bit lanes by the finaliser of splitmix64, a user's
rows are added up, so that their order does not matter, and the sums of several tables are mixed once more. Two
different inputs agree by chance once in 2^128 tries. It is no cryptographic hash: what a stranger can choose (a photo's
bytes) comes in by a cryptographic digest of its own, such as `content_hash`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.hashing import splitmix64
from profiling.vectors import unpack_vectors

DIGEST_BYTES = 16
LANES = np.array([0x243F6A8885A308D3, 0x13198A2E03707344], np.uint64)  # digits of pi: any two different numbers do
WORD = 8  # bytes mixed at a time

Column: TypeAlias = "pa.Array | pa.ChunkedArray | npt.NDArray[Any]"
Digests: TypeAlias = npt.NDArray[np.uint64]  # [rows or users, 2]
Words: TypeAlias = npt.NDArray[np.uint64]  # [rows]


def digest_rows(*columns: Column) -> Digests:
    """A digest of each row, uint64 [rows, 2].

    Parameters
    ----------
    columns : equally long Arrow columns (integers, times, truth values, floats by their bits, strings, fixed-width
        binary) or NumPy arrays of numbers, [rows] or [rows, k]. Null is a value of its own.
    """
    state: Digests = np.broadcast_to(LANES, (len(columns[0]), len(LANES)))
    for column in columns:
        for words in _words(column):
            state = _mix(state, words)
    return state


def sum_by_user(rows: Digests, place: npt.NDArray[np.int64], users: int) -> Digests:
    """The digests of each user's rows added up, uint64 [users, 2], zeros for who has none.

    Parameters
    ----------
    place : int64 [rows], which user each row is of, 0 to users - 1, any order.
    """
    order = np.argsort(place, kind="stable")
    total = np.concatenate([np.zeros((1, len(LANES)), np.uint64), np.cumsum(rows[order], axis=0, dtype=np.uint64)])
    bounds = np.searchsorted(place[order], np.arange(users + 1))
    return np.asarray(total[bounds[1:]] - total[bounds[:-1]])


def combine(rules: Any, *parts: Digests) -> Digests:
    """One digest of several, uint64 [users, 2].

    Parameters
    ----------
    rules : JSON values that all users share: settings, versions, ids of artefacts.
    parts : of the same users, in an order that means something.
    """
    text = json.dumps(rules, sort_keys=True, separators=(",", ":"))
    shared = np.frombuffer(hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest(), "<u8")
    state: Digests = np.broadcast_to(LANES, (len(parts[0]), len(LANES)))
    for part in (np.broadcast_to(shared, state.shape), *parts):
        for lane in range(part.shape[1]):
            state = _mix(state, part[:, lane])
    return state


def pack_digests(digests: Digests) -> pa.Array:
    """As a column of `DIGEST_BYTES` bytes."""
    data = np.ascontiguousarray(digests, "<u8").tobytes()
    return pa.Array.from_buffers(pa.binary(DIGEST_BYTES), len(digests), [None, pa.py_buffer(data)])


def unpack_digests(column: pa.Array | pa.ChunkedArray) -> Digests:
    """The inverse of `pack_digests`; null is zeros, which no digest is but by chance."""
    return np.ascontiguousarray(unpack_vectors(column)).view("<u8").astype(np.uint64)


def _mix(state: Digests, words: Words) -> Digests:
    return splitmix64(state ^ words[:, None])


def _words(column: Column) -> list[Words]:
    """A column as 64-bit words, the same number of them whatever it holds."""
    if isinstance(column, np.ndarray):
        wide = column if column.ndim > 1 else column[:, None]
        return [_bits(wide[:, k]) for k in range(wide.shape[1])]
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    there = np.asarray(whole.is_valid(), np.uint64)
    if pa.types.is_string(whole.type):
        return [there, *_digests_of_strings(whole)]
    if pa.types.is_fixed_size_binary(whole.type):
        return [there, *_words_of_binary(whole)]
    if pa.types.is_floating(whole.type):
        return [there, _bits(np.asarray(whole.fill_null(0)))]
    number = whole.cast(pa.uint64() if pa.types.is_uint64(whole.type) else pa.int64())
    return [there, _bits(np.asarray(number.fill_null(0)))]


def _bits(values: npt.NDArray[Any]) -> Words:
    if values.dtype.kind == "f":
        values = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
    return np.asarray(values, np.uint64) if values.dtype.kind in "ub" else values.astype(np.int64).view(np.uint64)


def _digests_of_strings(column: pa.Array) -> list[Words]:
    coded = column.fill_null("").dictionary_encode()
    known = b"".join(
        hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest() for text in coded.dictionary.to_pylist()
    )
    each = np.frombuffer(known, "<u8").reshape(-1, DIGEST_BYTES // WORD)[np.asarray(coded.indices)]
    return [each[:, k].astype(np.uint64) for k in range(each.shape[1])]


def _words_of_binary(column: pa.Array) -> list[Words]:
    width = column.type.byte_width
    raw = np.zeros((len(column), -(-width // WORD) * WORD), np.uint8)
    if len(column):
        data = np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width)
        raw[:, :width] = data.reshape(-1, width)
        raw[~np.asarray(pc.is_valid(column), np.bool_)] = 0
    words = raw.view("<u8").astype(np.uint64)
    return [words[:, k] for k in range(words.shape[1])]
