"""The values of a declaration, each with the place where it stands, and what can be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str | int, ...]
"""Where a value stands: ``("tenants", "acme", "name")``."""


@dataclass(frozen=True, slots=True)
class Fault:
    place: Place
    line: int | None
    message: str

    def __str__(self) -> str:
        where = written(self.place)
        line = "" if self.line is None else f"line {self.line}: "
        return f"{line}{where + ': ' if where else ''}{self.message}"


class BadFile(Exception):
    """The file cannot be used. Each fault names its line and its path."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class Source:
    """The values of a file. ``secret``: places that were filled by a reference, and are never shown."""

    document: Any
    lines: Mapping[Place, int] = field(default_factory=dict)
    secret: frozenset[Place] = frozenset()

    def line(self, place: Place) -> int | None:
        """The line of that place, or of the nearest one around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place)

    def fault(self, place: Place, message: str) -> Fault:
        return Fault(place, self.line(place), message)

    def is_secret(self, place: Place) -> bool:
        """Whether what stands there, or somewhere in it, came by a reference."""
        return any(hidden[: len(place)] == place or place[: len(hidden)] == hidden for hidden in self.secret)


def written(place: Place) -> str:
    return ".".join(str(part) if re.fullmatch(r"[\w-]+", str(part)) else f'"{part}"' for part in place)
