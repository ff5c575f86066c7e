"""A plot as SVG text: dots with names over a logarithmic axis, some of them joined."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 460, 70, 46, 34, 120


@dataclass(frozen=True, slots=True)
class Dot:
    """`x` is above 0."""

    name: str
    x: float
    y: float


def dots_svg(title: str, x_title: str, dots: Sequence[Dot], line: Sequence[Dot] = ()) -> str:
    """The picture of some dots, those of `line` joined in its order. Raises ValueError where there are none."""
    if not dots:
        raise ValueError("a plot needs a dot")
    across = _scale([math.log10(d.x) for d in dots], LEFT, WIDTH - RIGHT)
    up = _scale([d.y for d in dots], HEIGHT - BOTTOM, TOP)
    parts = [f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>']
    parts += [_grid(up(v), f"{v:.4g}") for v in _ticks([d.y for d in dots])]
    for power in range(
        math.floor(math.log10(min(d.x for d in dots))), math.ceil(math.log10(max(d.x for d in dots))) + 1
    ):
        for step in (1, 2, 5):
            x = across(math.log10(step * 10**power))
            if LEFT - 1 <= x <= WIDTH - RIGHT + 1:
                parts.append(
                    f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step * 10**power:,}</text>'
                )
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(x_title)}</text>')
    if line:
        path = " ".join(f"{across(math.log10(d.x)):.1f},{up(d.y):.1f}" for d in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="#888" stroke-dasharray="4 3"/>')
    for dot in dots:
        x, y = across(math.log10(dot.x)), up(dot.y)
        colour = "#888" if dot in line else "#1f5fbf"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 7:.1f}" y="{y + 4:.1f}">{escape(dot.name)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts, "</svg>", ""])


def _scale(values: Sequence[float], begin: float, end: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    low, high = low - room, high + room
    return lambda value: begin + (value - low) / (high - low) * (end - begin)


def _ticks(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    rough = (high - low) / 5 or abs(high) / 5 or 1.0
    power = 10 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _grid(y: float, text: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )
