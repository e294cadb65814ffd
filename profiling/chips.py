"""What a chip is: the aligned picture of one face that a network wants to see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChipSpec:
    """What a network wants to see.

    Attributes
    ----------
    size : side of the square chip, pixels.
    template : x, y in the chip of left eye, right eye, nose, left and right corner of the mouth (image order), pixels.
    points : which of the five the transform is fitted to, at least two.
    """

    size: int
    template: tuple[tuple[float, float], ...]
    points: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        if self.size < 8:
            raise ValueError(f"chip of {self.size} pixels: at least 8 are needed")
        if len(self.template) != 5:
            raise ValueError(f"template of {len(self.template)} points: five are needed")
        if (
            len(set(self.points)) < 2
            or len(set(self.points)) != len(self.points)
            or not set(self.points) <= set(range(5))
        ):
            raise ValueError(f"points {self.points}: name at least two different ones of 0 to 4")
