"""The headers that every answer bears unless it says otherwise, and the pages' Content Security Policy."""

from __future__ import annotations

COMMON: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
]
CACHEABLE_DEFAULT = (b"cache-control", b"no-store")
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

_POLICY = (
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
)


def content_security_policy(*, leaves: bool, https: bool, framed_by: str | None = None, works: bool = False) -> str:
    """``leaves``: a form of the page leads, at once or by redirects, to an IdP, whose hosts nobody knows beforehand.
    ``works``: its scripts ask our own server. ``framed_by``: the one origin that may frame the page; browsers
    that know frame-ancestors pass over X-Frame-Options.

    Browsers hold the redirects after a form's submission to ``form-action`` as well, so ``'self'`` would stop them.
    """
    targets = "'self'"
    if leaves:
        targets = "'self' https:" if https else "'self' https: http:"
    framers = framed_by or "'none'"
    asks = ("connect-src 'self'",) if works else ()
    return "; ".join((*_POLICY, *asks, f"frame-ancestors {framers}", f"form-action {targets}"))


def page_headers(
    *, leaves: bool, https: bool, framed_by: str | None = None, works: bool = False
) -> tuple[tuple[str, str], ...]:
    policy = content_security_policy(leaves=leaves, https=https, framed_by=framed_by, works=works)
    # A page that works has forms, and browsers hide the origin of a form where no referrer may be sent at all.
    referrer = (("referrer-policy", "same-origin"),) if works else ()
    return (("content-security-policy", policy), *referrer)
