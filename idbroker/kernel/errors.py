"""The one exception that carries a refusal from the place that decides to the face that words it.

    Refusal                 a rule said no; has a stable code, a public sentence, a private detail
      NotFound              the thing does not exist, or not for this caller (the two are never told apart)
      Conflict              the state of things forbids it
      Invalid               the input is wrong; carries the pointers of the wrong fields
      Forbidden             the caller is known and may not

Every code has a heading in ``docs/reference/errors.md``; a test holds the two together.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from idbroker.kernel.event import Event

_REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_reference() -> str:
    """What a refusal page shows and the trail is searched by: ``XXXX-XXXX``, no look-alike characters."""
    text = "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(8))
    return f"{text[:4]}-{text[4:]}"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field. ``pointer`` is a JSON Pointer (RFC 6901) into the request body."""

    pointer: str
    message: str


class Refusal(Exception):
    """A rule said no.

    ``code`` is stable and documented, ``public`` is a sentence that may be shown to anyone, ``status`` an HTTP status,
    ``detail`` is for logs and the trail only. ``event`` is recorded after the rollback, in a unit of its own.
    ``retry_after``: in how many seconds the same may be allowed, where that is known.
    """

    status = 400
    retry_after: int | None = None

    def __init__(
        self, code: str, public: str, *, detail: str = "", status: int | None = None, event: Event | None = None
    ) -> None:
        super().__init__(f"{code}: {detail or public}")
        self.code = code
        self.public = public
        self.detail = detail
        self.event = event
        if status is not None:
            self.status = status


class NotFound(Refusal):
    status = 404

    def __init__(self, what: str = "resource") -> None:
        super().__init__("not_found", f"No such {what}.")


class Conflict(Refusal):
    status = 409


class Forbidden(Refusal):
    status = 403


class Invalid(Refusal):
    status = 422

    def __init__(self, public: str, errors: Sequence[FieldError] = (), *, code: str = "invalid_input") -> None:
        super().__init__(code, public, detail="; ".join(f"{e.pointer}: {e.message}" for e in errors))
        self.errors = tuple(errors)


def invalid_field(pointer: str, message: str) -> Invalid:
    """The common case of one wrong field."""
    return Invalid(message, [FieldError(pointer, message)])
