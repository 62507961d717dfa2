"""What a protocol understands of an IdP's logout messages: its wish that sessions end, and its answer to ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LogoutOutcome = Literal["success", "partial", "failed"]
"""``partial``: not everywhere where the person was signed in (SAML core 3.2.2.2 PartialLogout)."""


@dataclass(frozen=True, slots=True)
class LogoutAsked:
    """The IdP's verified wish that sessions end (SAML core 3.7.1, OIDC Back-Channel Logout 2.4).

    ``person`` and ``sessions`` are the values that ``ExternalIdentity.upstream`` had; no ``sessions`` means all of the
    person's, no ``person`` means those sessions, whosever they are. ``replay_key`` is acted on once per connection and
    remembered until ``replay_until``.
    """

    person: str | None
    sessions: tuple[str, ...]
    replay_key: str
    replay_until: datetime
    request_id: str = ""
    relay_state: str | None = None


@dataclass(frozen=True, slots=True)
class LogoutAnswered:
    """The IdP's verified answer to a logout that we began. ``handle`` is that logout's, None when the answer names none."""

    handle: str | None
    outcome: LogoutOutcome
    detail: str = ""
    """What the IdP said, for admins."""


def named_in(upstream: Mapping[str, str]) -> tuple[str | None, str | None]:
    """(the person, the IdP's session) that a sign-in's ``upstream`` names, as an IdP's logout would name them."""
    return upstream.get("name_id") or upstream.get("id_token_sub"), upstream.get("session_index") or upstream.get("sid")
