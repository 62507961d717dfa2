"""Calls from pages of any origin (Fetch standard, CORS): apps that live in a browser have no other way to these endpoints.

No cookie counts here, so a page can do with them what any program can, and no more: every origin is allowed, none with
credentials of the browser's.
"""

from __future__ import annotations

from collections.abc import Callable

from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call
from idbroker.web.route import ErrorFace

ANY_ORIGIN = ("access-control-allow-origin", "*")
_READABLE = (ANY_ORIGIN, ("access-control-expose-headers", "WWW-Authenticate, Retry-After"))


def from_pages(handler: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    """The same handler, its answers readable by a page's script."""
    return lambda call: handler(call).with_headers(*_READABLE)


def told_to_pages(face: ErrorFace) -> ErrorFace:
    """The same error face, its answers readable by a page's script."""

    def readable(refusal: Refusal, call: Call) -> Answer:
        return face(refusal, call).with_headers(*_READABLE)

    return readable


def preflight(call: Call) -> Answer:
    """What a browser asks before it sends a page's request."""
    del call
    return Answer(
        204,
        b"",
        None,
        (
            ANY_ORIGIN,
            ("access-control-allow-methods", "GET, POST"),
            ("access-control-allow-headers", "Authorization, Content-Type, DPoP"),
            ("access-control-max-age", "3600"),
        ),
    )
