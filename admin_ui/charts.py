"""Charts as figures for an SVG that the server draws: no script, no style, readable in both schemes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, GAP = 560, 90, 4


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    ok_y: float
    ok_height: float
    no_y: float
    no_height: float
    day: str
    succeeded: int
    refused: int


@dataclass(frozen=True, slots=True)
class Bars:
    bars: tuple[Bar, ...]
    most: int
    succeeded: int
    refused: int


def bars(days: Sequence[dict[str, Any]]) -> Bars:
    """Sign-ins by day, those that were refused on top."""
    most = max((one["succeeded"] + one["refused"] for one in days), default=0)
    step = WIDTH / max(len(days), 1)
    drawn: list[Bar] = []
    for number, one in enumerate(days):
        ok, no = (HEIGHT * one[name] / most if most else 0.0 for name in ("succeeded", "refused"))
        x, width, ok_y, no_y = round(number * step, 1), round(step - GAP, 1), round(HEIGHT - ok, 1), round(HEIGHT - ok - no, 1)
        tall, taller = round(ok, 1), round(no, 1)
        drawn.append(Bar(x, width, ok_y, tall, no_y, taller, one["day"], one["succeeded"], one["refused"]))
    return Bars(tuple(drawn), most, sum(one["succeeded"] for one in days), sum(one["refused"] for one in days))
