"""The precision-coverage curve of a scorer as an SVG picture: what a margin buys and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 560, 380  # of the view box
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 44, 56  # room for words and ticks
TICKS = 5  # steps of each axis
INKS = ("#9aa5b1", "#4c8bd6", "#1b3a5c", "#c2571a")  # of the rounds, the last again beyond; told apart in grey too
LEAST_SPAN = 0.02  # of the precision axis, so that a perfect curve does not fill it with rounding


def draw_curve(provenance: Mapping[str, Any]) -> str:
    """Draw the cross-validated curves of `training.train_scorer`, one line a round.

    Parameters
    ----------
    provenance : `cross_validated` holds for each round its `curve` (margin, precision, coverage) and what the chosen
        margin gives (precision, coverage), marked by a dot.

    Returns
    -------
    The text of an SVG file; equal provenances give equal texts.
    """
    rounds = provenance["cross_validated"]
    curves = [[point for point in each["curve"] if point["precision"] is not None] for each in rounds]
    low = min([point["precision"] for curve in curves for point in curve], default=1.0)
    axis = _Axis(min(low, 1.0 - LEAST_SPAN))
    title = f"Precision and coverage of {provenance.get('labelled_users', 0)} labelled users, cross-validated"
    parts = [_text(LEFT, 22, title, "start", 15), *axis.draw()]
    for number, (each, curve) in enumerate(zip(rounds, curves, strict=True)):
        ink = INKS[min(number, len(INKS) - 1)]
        path = " ".join(f"{axis.x(point['coverage']):.1f},{axis.y(point['precision']):.1f}" for point in curve)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        x, y = axis.x(each["coverage"]), axis.y(max(each["precision"], axis.low))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{ink}"/>')
        name = f"round {number}" + (" and later" if number == len(rounds) - 1 else "")
        words = f"{name}: {each['precision']:.4f} at {each['coverage']:.4f}"
        parts.append(_text(LEFT + 14, HEIGHT - BOTTOM - 14 - 18 * (len(rounds) - 1 - number), words, "start", 13, ink))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


class _Axis:
    """Coverage 0 to 1 from left to right, precision `low` to 1 from bottom to top."""

    def __init__(self, low: float) -> None:
        self.low = low

    def x(self, coverage: float) -> float:
        return LEFT + coverage * (WIDTH - LEFT - RIGHT)

    def y(self, precision: float) -> float:
        return TOP + (1.0 - precision) / (1.0 - self.low) * (HEIGHT - TOP - BOTTOM)

    def draw(self) -> Iterator[str]:
        steps: Sequence[float] = [step / TICKS for step in range(TICKS + 1)]
        for step in steps:
            precision = self.low + step * (1.0 - self.low)
            y, x = self.y(precision), self.x(step)
            yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e7eb"/>'
            yield _text(LEFT - 8, y + 4, f"{precision:.3f}", "end", 12)
            yield _text(x, HEIGHT - BOTTOM + 18, f"{step:.1f}", "middle", 12)
        yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "coverage: users with a right profile", "middle", 13)
        yield f'<g transform="translate(14 {HEIGHT / 2:.0f}) rotate(-90)">{_text(0, 0, "precision", "middle", 13)}</g>'


def _text(x: float, y: float, words: str, anchor: str, size: int, ink: str = "#333333") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{ink}"'
    return f"<text {where}>{escape(words)}</text>"
