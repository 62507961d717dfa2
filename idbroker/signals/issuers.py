"""Whose name stands in a SET: the shared issuer's, or the tenant's own."""

from __future__ import annotations


def issuer_url(base_url: str, slug: str | None) -> str:
    return base_url if slug is None else f"{base_url}/t/{slug}"
