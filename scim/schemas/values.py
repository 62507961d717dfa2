"""The forms of simple values (RFC 7643 2.3) where JSON's own types do not say enough."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)


def read_date_time(text: str) -> datetime | None:
    """An xsd:dateTime (RFC 7643 2.3.5) as an aware moment in UTC; one without a zone is taken as UTC. None: it is none."""
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_base64(text: str) -> bool:
    """RFC 7643 2.3.6: base64 of RFC 4648 4 or 5, with padding or without, no white space."""
    padded = text + "=" * (-len(text) % 4) if "=" not in text else text
    try:
        base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_SCRIPT = re.compile(r"\s*(?:javascript|vbscript)\s*:", re.IGNORECASE)


def is_reference(text: str) -> bool:
    """RFC 7643 2.3.7: a URI, absolute or relative. One that a browser would run is none that we keep."""
    return text.isprintable() and " " not in text and not _SCRIPT.match(text)
