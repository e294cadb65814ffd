"""What changes from shot to shot: pose, light, expression, gaze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMILING = 0.6  # share of shots with a smile; people smile at cameras


@dataclass(frozen=True)
class View:
    """One shot of a person: angles in degrees, the rest in half head widths or shares.

    `light_x`, `light_y` point to the lamp (z is 1), `key` and `ambient` are its strength and the room's, `warmth`
    shifts red against blue; `smile` runs from -0.1 to 1, `lid` scales the opening of the eyes, `brow` lifts the brows.
    """

    yaw: float
    pitch: float
    roll: float
    light_x: float
    light_y: float
    key: float
    ambient: float
    warmth: float
    smile: float
    open: float
    lid: float
    gaze_x: float
    gaze_y: float
    brow: float
    seed: int


def draw_view(rng: np.random.Generator) -> View:
    """A snapshot's view: at most 25 degrees from the front, any light a face can be seen in."""

    def uniform(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    smile = uniform(0, 1) if rng.random() < SMILING else uniform(-0.1, 0.2)
    return View(
        yaw=uniform(-25, 25),
        pitch=uniform(-10, 10),
        roll=uniform(-12, 12),
        light_x=uniform(-0.8, 0.8),
        light_y=uniform(-0.1, 0.8),
        key=uniform(0.5, 0.85),
        ambient=uniform(0.3, 0.55),
        warmth=uniform(-0.07, 0.07),
        smile=smile,
        open=max(0.0, smile * uniform(-0.05, 0.08)),
        lid=uniform(0.75, 1.08),
        gaze_x=uniform(-0.3, 0.3),
        gaze_y=uniform(-0.15, 0.15),
        brow=uniform(-0.02, 0.04),
        seed=int(rng.integers(1 << 30)),
    )
