"""Draw a person from a seed.

The middles and spreads below were chosen by eye and kept because the result was measured: a face detector finds the
faces and a recognition network tells the people apart (docs/decisions/0007-drawn-people.md). The order of the draws
is the people: another order makes other people.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from profiling.demo.identity import Brows, Eyes, Glasses, Hair, Identity, Mouth, Nose, Rgb, Skin, Skull

SKIN_TONES = np.array([[246, 214, 196], [226, 178, 150], [196, 145, 112], [150, 102, 74], [110, 72, 52], [80, 53, 42]])
HAIR_TONES = np.array([[28, 24, 22], [58, 40, 30], [98, 66, 42], [150, 108, 66], [206, 172, 116], [140, 66, 34]])
IRIS_TONES = np.array([[52, 34, 24], [84, 56, 34], [98, 96, 56], [70, 106, 130], [96, 126, 110]])
DARK_SKIN = 2.4  # tone from which hair and eyes are one of the first two tones, which are dark
FRECKLED_SKIN = 1.5  # tone up to which people have freckles
GREY = 0.74  # what hair fades to
SPREAD = 1.8  # a drawn measure lies within this many spreads of its middle
AGES = (18.0, 75.0)  # years
STYLES_MEN = ("bald", "short", "short", "recede", "swept", "fringe")
STYLES_WOMEN = ("long", "long", "fringe", "bun", "swept", "longfringe")
BEARDS = ("no", "no", "stubble", "full", "goatee", "moustache")
GLASSES = ("no",) * 6 + ("round", "rect", "cat")


class _Dice:
    """Draws of one person; `pick` chooses by gender what a measure centres on."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.man = bool(self.rng.integers(2))

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def near(self, middle: float, spread: float) -> float:
        return float(middle + spread * self.rng.uniform(-SPREAD, SPREAD))

    def pick(self, man: float, woman: float, spread: float) -> float:
        return self.near(man if self.man else woman, spread)

    def tone(self, tones: npt.NDArray[Any], few: bool) -> Rgb:
        choice: Rgb = tones[int(self.rng.integers(2 if few else len(tones)))] / 255
        return choice

    def choice(self, names: tuple[str, ...]) -> str:
        return str(self.rng.choice(list(names)))


def draw_identity(seed: int) -> Identity:
    """The person of this seed: the same seed is the same person for ever."""
    dice = _Dice(seed)
    age, tone = dice.uniform(*AGES), dice.uniform(0, 4.6)
    old, dark = float(np.clip((age - 35) / 40, 0, 1)), tone > DARK_SKIN
    hair = dice.tone(HAIR_TONES, dark) * dice.uniform(0.8, 1.15)
    grey = float(np.clip(old * dice.uniform(0.2, 1.7) - 0.15, 0, 1))
    style = dice.choice(STYLES_MEN if dice.man else STYLES_WOMEN)
    tint = np.array([1, dice.uniform(0.95, 1.03), dice.uniform(0.92, 1.04)])
    skin = np.array([np.interp(tone, range(6), SKIN_TONES[:, k] / 255) for k in range(3)]) * tint
    freckles, redness = dice.uniform(0, 1) ** 4 * (tone < FRECKLED_SKIN), dice.uniform(0.3, 1)
    skull, eyes, brows = _draw_skull(dice), _draw_eyes(dice, dark), _draw_brows(dice, hair * 0.75, grey)
    nose, mouth = _draw_nose(dice), _draw_mouth(dice)
    locks = _draw_hair(dice, style, hair + grey * (GREY - hair))
    beard = dice.choice(BEARDS) if dice.man else "no"
    glasses = Glasses(dice.choice(GLASSES), dice.rng.uniform(0, 0.35, 3), dice.uniform(0.012, 0.03))
    moles = tuple(_draw_mole(dice) for _ in range(int(dice.rng.integers(0, 3))))
    cloth, build = dice.rng.uniform(0.08, 0.9, 3), dice.pick(1.08, 0.92, 0.06)
    return Identity(
        seed=seed,
        man=dice.man,
        age=age,
        wrinkles=old,
        skin=Skin(skin, freckles, redness, moles),
        skull=skull,
        eyes=eyes,
        brows=brows,
        nose=nose,
        mouth=mouth,
        hair=locks,
        beard=beard,
        glasses=glasses,
        cloth=cloth,
        build=build,
    )


def _draw_skull(dice: _Dice) -> Skull:
    return Skull(
        width=dice.pick(0.97, 0.94, 0.06),
        taper=dice.pick(0.28, 0.36, 0.06),
        jaw=dice.pick(2.9, 2.5, 0.4),
        chin=dice.pick(1.0, 0.95, 0.06),
        crown=dice.near(1, 0.05),
        cheek=dice.near(0, 0.06),
        fat=dice.near(0, 0.045),
        square=dice.pick(2.35, 2.25, 0.15),
        ridge=dice.pick(0.07, 0.02, 0.03),
        bone=dice.near(0.05, 0.03),
    )


def _draw_eyes(dice: _Dice, dark: bool) -> Eyes:
    return Eyes(
        x=dice.near(0.42, 0.04),
        y=dice.near(0.02, 0.03),
        width=dice.near(0.2, 0.02),
        opening=dice.pick(0.066, 0.078, 0.014),
        tilt=dice.pick(0.03, 0.06, 0.1),
        iris=dice.tone(IRIS_TONES, dark) * dice.uniform(0.85, 1.2),
        crease=dice.near(0.055, 0.022),
        socket=dice.near(0.12, 0.04),
        liner=dice.uniform(0, 0.3) if dice.man else dice.uniform(0.3, 1),
        bags=dice.uniform(0, 1),
    )


def _draw_brows(dice: _Dice, colour: Rgb, grey: float) -> Brows:
    return Brows(
        height=dice.pick(0.24, 0.28, 0.04),
        thickness=dice.pick(0.052, 0.034, 0.014),
        arch=dice.pick(0.02, 0.06, 0.03),
        tilt=dice.near(0, 0.08),
        length=dice.near(0.27, 0.035),
        density=dice.uniform(0.45, 1),
        colour=colour + 0.4 * grey * (0.7 - colour),
    )


def _draw_nose(dice: _Dice) -> Nose:
    return Nose(
        length=dice.near(0.48, 0.05),
        width=dice.pick(0.22, 0.19, 0.04),
        bridge=dice.near(0.115, 0.02),
        tip=dice.pick(0.29, 0.25, 0.05),
        root=dice.near(0.1, 0.04),
        upturn=dice.near(0.03, 0.03),
        bump=dice.near(0, 0.03),
    )


def _draw_mouth(dice: _Dice) -> Mouth:
    return Mouth(
        y=dice.near(-0.84, 0.04),
        width=dice.pick(0.34, 0.31, 0.04),
        upper=dice.pick(0.055, 0.07, 0.022),
        lower=dice.pick(0.08, 0.095, 0.025),
        bow=dice.uniform(0, 1),
        redness=dice.uniform(0.1, 0.5) if dice.man else dice.uniform(0.4, 1),
    )


def _draw_hair(dice: _Dice, style: str, colour: Rgb) -> Hair:
    return Hair(
        style=style,
        colour=colour,
        line=dice.near(1, 0.08),
        parting=dice.uniform(-0.6, 0.6),
        volume=dice.uniform(0.05, 0.2),
        wave=dice.uniform(0, 1),
    )


def _draw_mole(dice: _Dice) -> tuple[float, float, float]:
    return dice.uniform(-0.6, 0.6), dice.uniform(-1.1, 0.6), dice.uniform(0.01, 0.025)
