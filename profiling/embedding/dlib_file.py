"""Read a network that dlib has serialised, strictly, to its last byte.

The format is that of ``dlib::serialize``: integers as a control byte (low nibble: number of bytes, top bit: sign) and
little-endian bytes, floating-point numbers as integer mantissa and exponent, tensors as raw float32. Layers are nested
from the loss inwards, so that they come in the file from the input to the output. Only the layers of the face
recognition network are known; anything else, and any byte left over, is an error.

References
----------
dlib 19.24: ``serialize.h``, ``float_details.h``, ``dnn/layers.h``, ``dnn/core.h``, ``cuda/tensor.h``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from profiling.errors import ModelError

TENSOR_VERSION = 2  # of `tensor`: shape, then the numbers
ALIAS_VERSION = 1  # of `alias_tensor`: a shape only
NETWORK_VERSION = 1
LAYER, LAYER_OVER_INPUT = 2, 3  # how a nested layer announces what it lies on; 1 is a tag or a skip
INFINITY = 32000  # exponents from here on stand for infinity, minus infinity and not a number

Tensor = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One layer: dlib's name of its kind, its parameters in dlib's order, and the numbers that shape it.

    `weight_shape` is dlib's [outputs, inputs, rows, columns] of the part of `params` that holds weights; the rest are
    biases. `stride` and `padding` are [rows, columns].
    """

    kind: str
    params: Tensor = field(default_factory=lambda: np.zeros(0, np.float32))
    weight_shape: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()


@dataclass(frozen=True)
class DlibNetwork:
    """A whole network: channel means that the input layer subtracts, its chip's size, layers from input to output."""

    mean: tuple[float, ...]
    size: tuple[int, ...]
    layers: tuple[Layer, ...]


class DlibReader:
    """Primitive values of dlib's ``serialize.h`` from bytes, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def fail(self, what: str) -> ModelError:
        """The error to raise here: what is wrong, and at which byte."""
        return ModelError(f"dlib network file: {what} at byte {self._at}; fetch the weights again")

    def take(self, count: int) -> memoryview:
        """The next `count` bytes."""
        if count < 0 or self._at + count > len(self._data):
            raise self.fail(f"{count} bytes wanted, {len(self._data) - self._at} left")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self) -> int:
        """A signed integer."""
        control = self.take(1)[0]
        if control & 0x70 or control & 0x0F > 8:
            raise self.fail("no integer")
        value = int.from_bytes(self.take(control & 0x0F), "little")
        return -value if control & 0x80 else value

    def integers(self, count: int) -> tuple[int, ...]:
        """`count` integers."""
        return tuple(self.integer() for _ in range(count))

    def number(self) -> float:
        """A floating-point number."""
        mantissa, exponent = self.integer(), self.integer()
        if INFINITY <= exponent <= INFINITY + 2:
            return (math.inf, -math.inf, math.nan)[exponent - INFINITY]
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            raise self.fail("a number too large") from None

    def numbers(self, count: int) -> tuple[float, ...]:
        """`count` floating-point numbers."""
        return tuple(self.number() for _ in range(count))

    def flag(self) -> bool:
        """A bool: the character 0 or 1."""
        value = bytes(self.take(1))
        if value not in (b"0", b"1"):
            raise self.fail("no flag")
        return value == b"1"

    def text(self) -> str:
        """A string."""
        return bytes(self.take(self.integer())).decode("latin-1")

    def tensor(self) -> Tensor:
        """A tensor of four dimensions, as a read-only view of the file's bytes."""
        shape = self._shape(TENSOR_VERSION)
        return np.frombuffer(self.take(4 * math.prod(shape)), "<f4").reshape(shape)

    def alias(self) -> tuple[int, ...]:
        """The shape that a part of another tensor is seen as."""
        return self._shape(ALIAS_VERSION)

    def end(self) -> None:
        """Refuse a file that goes on."""
        if self._at != len(self._data):
            raise self.fail(f"{len(self._data) - self._at} bytes left over")

    def _shape(self, version: int) -> tuple[int, ...]:
        if self.integer() != version:
            raise self.fail("a tensor of an unknown version")
        shape = self.integers(4)
        if min(shape) < 0:
            raise self.fail("a tensor of negative size")
        return shape


def read_network(data: bytes) -> DlibNetwork:
    """The network in `data`, the bytes of a file that ``dlib::serialize`` wrote after ``net.clean()``.

    Raises
    ------
    ModelError
        One line that names the byte, for anything that is not such a network to the last byte.
    """
    reader = DlibReader(data)
    if reader.integer() != NETWORK_VERSION:
        raise reader.fail("not a dlib network")
    if reader.text() != "loss_metric_2":
        raise reader.fail("not a network with dlib's metric loss")
    reader.numbers(2)  # margin and distance threshold of the loss: training only
    nesting = [reader.integer()]
    while nesting[-1] != LAYER_OVER_INPUT:
        nesting.append(reader.integer())
    if reader.text() != "input_rgb_image_sized":
        raise reader.fail("not a network over RGB chips of one size")
    mean, size = reader.numbers(3), reader.integers(2)
    layers = [_layer(reader)]
    reader.integer()  # sample expansion factor: training only
    layers += [_layer(reader) for kind in nesting[-2::-1] if kind == LAYER]
    reader.end()
    return DlibNetwork(mean, size, tuple(layers))


def _layer(reader: DlibReader) -> Layer:
    kind = reader.text()
    if kind not in READERS:
        raise reader.fail("a layer of an unknown kind")
    layer = READERS[kind](reader, kind)
    for _ in range(3):  # set up, gradient is stale, output disabled
        reader.flag()
    for _ in range(3):  # gradients and cached output: empty after `net.clean()`
        reader.tensor()
    return layer


def _convolution(reader: DlibReader, kind: str) -> Layer:
    params = reader.tensor()
    reader.integer()  # filters: the weights' shape says it again
    reader.integers(2)  # rows and columns of a filter, likewise
    stride, padding = reader.integers(2), reader.integers(2)
    weight_shape = reader.alias()
    reader.alias()  # shape of the biases
    reader.numbers(4)  # learning rates and weight decays
    if kind == "con_5":
        reader.flag()  # uses biases
    return Layer(kind, params, weight_shape, stride, padding)


def _affine(reader: DlibReader, kind: str) -> Layer:
    params = reader.tensor()
    weight_shape = reader.alias()
    reader.alias()
    reader.integer()  # after a convolution or a fully connected layer
    return Layer(kind, params, weight_shape)


def _fully_connected(reader: DlibReader, kind: str) -> Layer:
    outputs, inputs = reader.integers(2)
    params = reader.tensor()
    reader.alias()
    reader.alias()
    reader.integer()  # with or without biases
    reader.numbers(4)
    return Layer(kind, params, (outputs, inputs))


def _pooling(reader: DlibReader, kind: str) -> Layer:
    reader.integers(2)  # window
    stride, padding = reader.integers(2), reader.integers(2)
    return Layer(kind, stride=stride, padding=padding)


def _number_only(reader: DlibReader, kind: str) -> Layer:
    reader.number()  # dropout rate, or the factor that replaces it once trained
    return Layer(kind)


READERS: dict[str, Callable[[DlibReader, str], Layer]] = {
    "con_4": _convolution,
    "con_5": _convolution,
    "affine_": _affine,
    "max_pool_2": _pooling,
    "avg_pool_2": _pooling,
    "fc_2": _fully_connected,
    "dropout_": _number_only,
    "multiply_": _number_only,
    "relu_": lambda _, kind: Layer(kind),
    "add_prev_": lambda _, kind: Layer(kind),
}
