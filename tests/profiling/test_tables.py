"""Vectors in columns, and schemas that name every column once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from profiling.tables import clusters_schema, faces_schema, profiles_schema
from profiling.vectors import pack_vectors, unpack_vectors

VECTORS = hnp.arrays(np.float16, st.tuples(st.integers(0, 9), st.integers(1, 7)), elements=st.floats(-1, 1, width=16))


@given(VECTORS, st.randoms(use_true_random=False))
def test_vectors_survive_the_column_and_nulls_read_as_zeros(vectors: np.ndarray, random: object) -> None:
    valid = np.array([random.random() < 0.7 for _ in vectors], bool)  # type: ignore[attr-defined]
    column = pack_vectors(vectors, valid)
    assert column.null_count == int((~valid).sum())
    assert np.array_equal(unpack_vectors(column), np.where(valid[:, None], vectors, 0))


def test_slices_and_chunks_read_right() -> None:
    vectors = np.arange(12, dtype=np.float16).reshape(6, 2)
    column = pack_vectors(vectors)
    assert np.array_equal(unpack_vectors(column[2:5]), vectors[2:5])
    assert np.array_equal(unpack_vectors(pa.chunked_array([column[:1], column[1:]])), vectors)


@pytest.mark.parametrize("schema", [faces_schema(3), clusters_schema(3), profiles_schema(3)])
def test_vector_columns_are_fixed_width(schema: pa.Schema) -> None:
    fixed = [field for field in schema if pa.types.is_fixed_size_binary(field.type)]
    widths = [field.type.byte_width for field in fixed if field.name != "input_digest"]
    assert widths
    assert set(widths) == {6}
    assert len(set(schema.names)) == len(schema.names)
