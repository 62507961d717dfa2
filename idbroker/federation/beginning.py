"""What a protocol understands of a third party's wish that somebody signs in (OIDC Core 4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignInWished:
    """It proves nothing of anybody: a sign-in of ours begins, with what it hints at.

    ``target`` is where the person wants to in the app, as it came; it counts only where the connection allows it.
    """

    login_hint: str | None = None
    target: str | None = None
