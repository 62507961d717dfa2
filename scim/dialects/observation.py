"""What was unusual in a request: counted per directory, shown to its admins."""

from __future__ import annotations

from enum import StrEnum


class Observation(StrEnum):
    """Stable words; each has its line in the reference."""

    PASCAL_CASE_OPS = "pascal_case_ops"
    STRING_BOOLEANS = "string_booleans"
