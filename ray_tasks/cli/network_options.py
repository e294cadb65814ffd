"""How the options of `kith models add` are written: numbers with commas, names of templates."""

from __future__ import annotations

from typing import Literal

from profiling.embedding.layouts import LAYOUTS
from profiling.embedding.templates import NAMED, Template, named_template
from profiling.errors import SettingsError

POINTS = 5  # of a template, two numbers each


def read_numbers(option: str, text: str) -> list[float]:
    """Numbers with commas between.

    Raises
    ------
    SettingsError
        It is something else.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise SettingsError(f"{option} {text}: write numbers with commas between, for example 127.5 or 1,2,3") from None


def read_channels(option: str, text: str | None) -> tuple[float, float, float] | None:
    """One number for all three channels, or three; None stays None."""
    if text is None:
        return None
    numbers = read_numbers(option, text)
    if len(numbers) not in (1, 3):
        raise SettingsError(f"{option} {text}: give one number for all channels, or three")
    first, second, third = numbers * (3 // len(numbers))
    return first, second, third


def read_colour(text: str) -> Literal["rgb", "bgr"]:
    """Order of the channels."""
    if text in ("rgb", "bgr"):
        return "rgb" if text == "rgb" else "bgr"
    raise SettingsError(f"--colour {text}: choose rgb or bgr")


def read_template(text: str | None, size: int | None, layout: str) -> Template | None:
    """A template by name, scaled to chips of `size` pixels (None = the layout's), or ten numbers in pixels."""
    if text is None or layout not in LAYOUTS:
        return None
    if text in NAMED:
        return named_template(text, size or LAYOUTS[layout].size)
    numbers = read_numbers("--template", text)
    if len(numbers) != 2 * POINTS:
        raise SettingsError(f"--template {text}: give {', '.join(NAMED)} or ten numbers x0,y0,…,x4,y4")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
