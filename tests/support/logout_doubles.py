"""Single logout whose messages are written by the test, and a world where an address is missing only if a test says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from idbroker.federation.beginning import SignInWished
from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    Document,
    Handoff,
    PostTo,
    RedirectTo,
    ReplyRefused,
    UnverifiedReply,
)
from idbroker.federation.logout import LogoutAnswered, LogoutAsked, LogoutOutcome
from idbroker.outbound.fetcher import Fetched, FetchFailed


@dataclass
class ScriptedLogout:
    """The logout half of a protocol. ``offers_logout``: how the browser gets to the IdP; ``wrongly``: it refuses to begin.

    A message names what it is: ``asks=person`` (and ``sessions=a,b``, ``id=``), or ``answers=success`` with ``state``.
    """

    offers_logout: str = ""
    answers_by: str = "redirect"
    is_unsolicited: bool = False
    asked_out: list[tuple[Mapping[str, str], str]] = field(default_factory=list)
    told: list[tuple[LogoutAsked, LogoutOutcome]] = field(default_factory=list)

    def unsolicited(self, reply: UnverifiedReply) -> bool:
        return self.is_unsolicited and "state" not in reply.params

    def begin_logout(self, connection: ConnectionConfig, upstream: Mapping[str, str], handle: str) -> Handoff | None:
        if not self.offers_logout:
            return None
        self.asked_out.append((dict(upstream), handle))
        address = f"https://idp.example.com/{connection.id}/slo"
        if self.offers_logout == "post":
            return PostTo(address, {"Request": "out", "RelayState": handle})
        return RedirectTo(f"{address}?state={handle}")

    def read_beginning(self, connection: ConnectionConfig, message: UnverifiedReply) -> SignInWished:
        if "forged" in message.params:
            raise ReplyRefused("not_for_us", "This is not meant for this connection.", status=400)
        return SignInWished(message.params.get("login_hint"), message.params.get("target_link_uri"))

    def report(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Document:
        return {"verdict": "refuse", "code": None, "findings": [], "attributes": {}, "mapped": {}, "xml": ""}

    def read_logout(self, connection: ConnectionConfig, message: UnverifiedReply) -> LogoutAsked | LogoutAnswered:
        params = message.params
        if "forged" in params:
            raise ReplyRefused("signature_bad", "This message is not genuine.", detail="by script")
        if "asks" in params:
            sessions = tuple(filter(None, params.get("sessions", "").split(",")))
            made = datetime(2030, 1, 1, tzinfo=UTC)
            number = params.get("id", "r1")
            return LogoutAsked(params["asks"], sessions, number, made, number, params.get("relay"))
        answers: Any = params["answers"]
        return LogoutAnswered(params.get("state"), answers, f"by script: {answers}")

    def answer_logout(self, connection: ConnectionConfig, asked: LogoutAsked, outcome: LogoutOutcome) -> Handoff | None:
        self.told.append((asked, outcome))
        address = f"https://idp.example.com/{connection.id}/slo-answer"
        if self.answers_by == "post":
            return PostTo(address, {"Response": outcome, "RelayState": asked.relay_state or ""})
        return RedirectTo(f"{address}?outcome={outcome}&relay={asked.relay_state}") if self.answers_by else None


class NothingIsMissing:
    """A fetcher for which each address answers 200, but for those in ``statuses`` (None: it cannot be reached)."""

    def __init__(self) -> None:
        self.statuses: dict[str, int | None] = {}
        self.asked: list[str] = []

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched:
        del accept, headers
        self.asked.append(url)
        status = self.statuses.get(url, 200)
        if status is None:
            raise FetchFailed("outbound_blocked", "The address points into a private network and is not called.")
        return Fetched(url, status, {}, b"")

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        raise AssertionError(f"nothing here posts a form, but {url} was asked")

    def close(self) -> None:
        """Nothing to close."""
