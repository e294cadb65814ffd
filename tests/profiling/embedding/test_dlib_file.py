"""The strict reader of dlib's serialisation: what dlib wrote, to the last byte, and nothing else."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.embedding.dlib_file import DlibReader, read_network
from profiling.embedding.registry import get_model, read_weights
from profiling.errors import ModelError
from tests.profiling.embedding.dlib_bytes import flag, integer, network, number, tensor, text

HEAD = np.arange(6, dtype=np.float32).reshape(3, 2, 1, 1)


@pytest.fixture(scope="module")
def weights() -> bytes:
    """The real file."""
    return read_weights(get_model("dlib"))


@given(st.integers(-(2**63), 2**63))
def test_integers_of_any_size_come_back(value: int) -> None:
    assert DlibReader(integer(value)).integer() == value


@given(st.floats(allow_nan=False))
def test_numbers_come_back_exactly(value: float) -> None:
    assert DlibReader(number(value)).number() == value


def test_not_a_number_comes_back() -> None:
    assert math.isnan(DlibReader(integer(0) + integer(32002)).number())


def test_a_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(ModelError, match="too large"):
        DlibReader(integer(1) + integer(5000)).number()


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_tensors_come_back(shape: list[int]) -> None:
    values = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    reader = DlibReader(tensor(values))
    assert np.array_equal(reader.tensor(), values)
    reader.end()


@pytest.mark.parametrize(
    ("data", "read"),
    [(b"\x0f", "integer"), (b"\x19", "integer"), (b"x", "flag"), (b"", "integer"), (b"\x81\x05ab", "text")],
)
def test_what_is_no_value_is_refused(data: bytes, read: str) -> None:
    with pytest.raises(ModelError, match="dlib network file"):
        getattr(DlibReader(data), read)()


def test_the_smallest_network_is_read() -> None:
    stored = read_network(network(HEAD))
    assert stored.mean == (1.5, 2.5, 3.5)
    assert stored.size == (150, 150)
    assert [layer.kind for layer in stored.layers] == ["fc_2"]
    assert stored.layers[0].weight_shape == (2, 3)
    assert np.array_equal(stored.layers[0].params, HEAD)


def test_a_byte_too_many_is_refused() -> None:
    with pytest.raises(ModelError, match="1 bytes left over"):
        read_network(network(HEAD) + b"\0")


@given(st.data())
def test_any_beginning_of_a_network_is_refused(data: st.DataObject) -> None:
    whole = network(HEAD)
    with pytest.raises(ModelError):
        read_network(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.data())
@settings(max_examples=300)
def test_a_flipped_byte_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(network(HEAD))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelError):
        read_network(bytes(whole))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        read_network(data)


@pytest.mark.parametrize("loss", ["loss_binary_log_", ""])
def test_a_network_with_another_loss_is_refused(loss: str) -> None:
    with pytest.raises(ModelError, match="metric loss"):
        read_network(integer(1) + text(loss) + flag(True))


def test_the_real_file_has_29_convolutions(weights: bytes) -> None:
    stored = read_network(weights)
    assert stored.size == (150, 150)
    assert sum(layer.kind.startswith("con_") for layer in stored.layers) == 29
    assert np.allclose(stored.mean, get_model("dlib").mean, atol=1e-5)


@pytest.mark.parametrize("end", [1, 1000, 1_000_000, 22_000_000, -1])
def test_the_real_file_cut_short_is_refused(weights: bytes, end: int) -> None:
    with pytest.raises(ModelError, match="at byte"):
        read_network(weights[:end])
