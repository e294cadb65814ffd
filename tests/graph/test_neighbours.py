"""Gathered profiles are the friends' own, each read once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import neighbours
from graph.neighbours import chunk_users, gather


def drawn_profiles(n: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(n, 2, 4)).astype(np.float16)


@given(st.lists(st.integers(0, 29), max_size=60), st.integers(1, 9))
def test_each_friend_is_found_again_and_read_once(rows, rows_a_read):
    profiles = drawn_profiles(30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "ROWS_A_READ", rows_a_read)
        vectors, positions = gather(profiles, np.array(rows, np.int32))
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(set(rows)), 2, 4)
    assert np.array_equal(vectors, profiles[sorted(set(rows))].astype(np.float32))
    assert np.array_equal(vectors[positions], profiles[np.array(rows, int)].astype(np.float32))


def test_reads_a_memory_map_forwards(tmp_path):
    drawn_profiles(30).tofile(tmp_path / "profiles")
    mapped = np.memmap(tmp_path / "profiles", np.float16, mode="r", shape=(30, 2, 4))
    vectors, positions = gather(mapped, [29, 3, 29])
    assert positions.tolist() == [1, 0, 1]
    assert np.array_equal(vectors, drawn_profiles(30)[[3, 29]].astype(np.float32))


def test_a_row_that_is_not_there_is_refused():
    for row in (-1, 30):
        with pytest.raises(IndexError, match="30 there"):
            gather(drawn_profiles(30), [0, row])


@given(st.lists(st.integers(0, 12), max_size=40), st.integers(1, 30))
def test_chunks_cover_all_users_once_and_stay_small(degrees, friends):
    indptr = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
    chunks = list(chunk_users(indptr, friends))
    assert [user for first, last in chunks for user in range(first, last)] == list(range(len(degrees)))
    for first, last in chunks:
        assert last - first == 1 or indptr[last] - indptr[first] <= friends
