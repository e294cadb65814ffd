"""Shares with the uncertainty that their counts leave."""

from __future__ import annotations

import math
from typing import Any

Z_95 = 1.959963984540054  # two-sided 95 % point of the normal distribution


def wilson(count: int, of: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); (0, 1) when nothing was counted.

    It stays inside 0 to 1 and keeps its coverage at shares near 0 and 1, where the textbook interval collapses.
    Faces of one person are not independent, so intervals of face counts are somewhat too narrow.
    """
    if not 0 <= count <= of:
        raise ValueError(f"count {count} is not within 0 and {of}")
    if of == 0:
        return 0.0, 1.0
    share, squared = count / of, z * z
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    half = z / (1 + squared / of) * math.sqrt(share * (1 - share) / of + squared / (4 * of * of))
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == of else min(1.0, middle + half)
    return low, high


def share(count: int, of: int) -> dict[str, Any]:
    """A share as evaluations report it: `value` (None of nothing), `count`, `of`, 95 % `interval` [low, high]."""
    count, of = int(count), int(of)
    return {"value": count / of if of else None, "count": count, "of": of, "interval": list(wilson(count, of))}
