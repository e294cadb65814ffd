"""splitmix64 against its published sequence."""

from __future__ import annotations

import numpy as np

from profiling.hashing import splitmix64

# First outputs of splitmix64.c (Vigna) seeded with 1234567: it hashes the seed, then the seed plus the increment, ...
SEQUENCE = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821)
INCREMENT = 0x9E3779B97F4A7C15


def test_values_are_those_of_the_reference() -> None:
    states = [(1234567 + step * INCREMENT) % 2**64 for step in range(len(SEQUENCE))]
    assert tuple(splitmix64(np.array(states, np.uint64)).tolist()) == SEQUENCE


def test_signed_ids_hash_by_their_bits() -> None:
    signed = np.array([-1, -(2**63), 2**63 - 1])
    assert np.array_equal(splitmix64(signed), splitmix64(signed.view(np.uint64)))
