"""xs:dateTime as SAML core 1.3.3 uses it: UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SHAPE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def read_time(text: str) -> datetime:
    """An aware moment in UTC; a text without time zone is UTC, as SAML says. Raises ValueError for anything else."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"“{text[:40]}” is not a time")
    whole, fraction, zone = match.groups()
    micro = f".{fraction[:6].ljust(6, '0')}" if fraction else ""
    if zone in (None, "Z"):
        return datetime.fromisoformat(f"{whole}{micro}+00:00")
    return datetime.fromisoformat(f"{whole}{micro}{zone}").astimezone(UTC)


def write_time(moment: datetime) -> str:
    """``2026-11-21T09:00:00Z``: whole seconds, which every implementation reads."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
