"""Write values and small networks as dlib does, for the tests of the reader."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def integer(value: int) -> bytes:
    """Control byte, little-endian bytes."""
    size = (abs(value).bit_length() + 7) // 8
    if size > 8:
        raise ValueError("dlib writes at most 64 bits")
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def number(value: float) -> bytes:
    """Mantissa, exponent."""
    if math.isinf(value):
        return integer(0) + integer(32000 if value > 0 else 32001)
    mantissa, exponent = math.frexp(value)
    return integer(int(mantissa * 2**53)) + integer(exponent - 53)


def flag(value: bool) -> bytes:
    """The character 0 or 1."""
    return b"1" if value else b"0"


def text(value: str) -> bytes:
    """Length, characters."""
    return integer(len(value)) + value.encode("latin-1")


def alias(*shape: int) -> bytes:
    """A shape alone."""
    return b"".join(integer(value) for value in (1, *shape))


def tensor(values: npt.NDArray[np.float32]) -> bytes:
    """A shape of four dimensions and the numbers."""
    return b"".join(integer(value) for value in (2, *values.shape)) + values.astype("<f4").tobytes()


def network(head: npt.NDArray[np.float32]) -> bytes:
    """A network of one fully connected layer, `head` [inputs, outputs, 1, 1], over 150-pixel chips."""
    nothing = tensor(np.zeros((0, 0, 0, 0), np.float32))
    inputs, outputs = head.shape[:2]
    layer = (
        text("fc_2")
        + integer(outputs)
        + integer(inputs)
        + tensor(head)
        + alias(inputs, outputs, 1, 1)
        + alias(0, 0, 0, 0)
        + integer(1)
        + b"".join(number(1.0) for _ in range(4))
        + flag(True) * 3
        + nothing * 3
    )
    size = integer(150) + integer(150)
    means = b"".join(number(value) for value in (1.5, 2.5, 3.5))
    loss = text("loss_metric_2") + number(0.04) + number(0.6)
    return integer(1) + loss + integer(3) + text("input_rgb_image_sized") + means + size + layer + integer(1)
