"""Case: how names and values that are not ``caseExact`` are compared (RFC 7643 2.1, 2.2)."""

from __future__ import annotations

from unicodedata import normalize


def fold(text: str) -> str:
    """The form under which two strings that differ in case alone are equal: canonical composition, full case folding.

    Whoever keeps folded values in columns keeps what this returns; the database's own ``lower()`` knows ASCII only on some.
    """
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFC", text).casefold())
