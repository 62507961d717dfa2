"""Charts as figures for an SVG that the server draws: no script, no style, readable in both schemes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, GAP = 560, 90, 4
SIGN_INS = {"succeeded": ("succeeded", "ok"), "refused": ("refused", "no")}
"""The parts of a day of sign-ins."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar. ``look``: its class in the style sheet."""

    look: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    day: str
    x: float
    width: float
    parts: tuple[Part, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """``names``: what the parts are, from below. ``totals`` in the same order."""

    names: tuple[str, ...]
    looks: tuple[str, ...]
    bars: tuple[Bar, ...]
    most: int
    totals: tuple[int, ...]


def bars(days: Sequence[Mapping[str, Any]], parts: Mapping[str, tuple[str, str]]) -> Bars:
    """One bar a day. ``parts``: key of the day → (what it is called, its look), from below."""
    most = max((sum(one[key] for key in parts) for one in days), default=0)
    step = WIDTH / max(len(days), 1)
    drawn: list[Bar] = []
    for number, one in enumerate(days):
        pieces: list[Part] = []
        top = float(HEIGHT)
        for key, (_, look) in parts.items():
            tall = HEIGHT * one[key] / most if most else 0.0
            top -= tall
            pieces.append(Part(look, round(top, 1), round(tall, 1)))
        values = tuple(one[key] for key in parts)
        drawn.append(Bar(one["day"], round(number * step, 1), round(step - GAP, 1), tuple(pieces), values))
    totals = tuple(sum(one[key] for one in days) for key in parts)
    return Bars(
        tuple(name for name, _ in parts.values()), tuple(look for _, look in parts.values()), tuple(drawn), most, totals
    )
