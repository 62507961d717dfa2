"""An upstream protocol whose every answer is written by the test: the login flow without SAML or OpenID Connect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    ConnectionDraft,
    ConnectionUpload,
    Document,
    Endpoint,
    ExternalIdentity,
    Finding,
    Handoff,
    Published,
    RedirectTo,
    ReplyRefused,
    UnverifiedReply,
    Warn,
)
from idbroker.federation.profile import Profile
from idbroker.kernel.errors import Invalid
from tests.support.logout_doubles import ScriptedLogout

ALICE = Profile(email="alice@acme.com", given_name="Alice", family_name="Doe", groups=("Staff",))


@dataclass
class ScriptedIdp(ScriptedLogout):
    """``people`` maps the reply's ``person`` to who that is. ``state`` of the reply names the attempt."""

    name: str = "scripted"
    endpoints: Sequence[Endpoint] = (Endpoint("reply", "POST", "reply"), Endpoint("document", "GET", "metadata"))
    people: dict[str, ExternalIdentity] = field(default_factory=dict)
    sent: list[AttemptRef] = field(default_factory=list)
    opened: list[ConnectionConfig] = field(default_factory=list)
    down: bool = False

    def person(self, name: str, profile: Profile = ALICE, **fields: Any) -> ExternalIdentity:
        """Make somebody known to the IdP. Each reply is admitted once unless ``replay_key`` is given."""
        made = ExternalIdentity(
            subject=fields.pop("subject", name),
            profile=profile,
            attributes={},
            replay_key=fields.pop("replay_key", ""),
            replay_until=datetime(2030, 1, 1, tzinfo=UTC),
            **fields,
        )
        self.people[name] = made
        return made

    def draft(self, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
        if "issuer" not in upload.fields:
            raise Invalid("An issuer is needed.")
        secret = upload.fields.get("client_secret") or (current.secrets.get("secret", "") if current else "")
        return ConnectionDraft(
            settings={"issuer": upload.fields["issuer"]},
            secrets={"secret": secret},
            vendor="okta",
            warnings=(Warn("noticed", "Something to know."),),
        )

    def describe(self, connection: ConnectionConfig) -> Document:
        return {"rp": {"redirect_uri": f"https://broker.example.com/scripted/{connection.id}/reply"}}

    def begin(self, connection: ConnectionConfig, attempt: AttemptRef) -> Handoff:
        if self.down:
            raise ReplyRefused("idp_unreachable", "The sign-in service did not answer.", detail="down", status=502)
        self.sent.append(attempt)
        self.opened.append(connection)
        return RedirectTo(f"https://idp.example.com/{connection.id}?state={attempt.handle}")

    def correlate(self, reply: UnverifiedReply) -> str | None:
        if "unreadable" in reply.params:
            raise ReplyRefused("reply_unreadable", "This answer cannot be read.", detail="by script")
        return reply.params.get("state")

    def complete(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef) -> ExternalIdentity:
        if "forged" in reply.params:
            found = (
                Finding("form", "preflight", "pass", "spec 1"),
                Finding("signature", "crypto", "fail", "spec 2", "ours", "theirs", "look"),
            )
            raise ReplyRefused("signature_bad", "This answer is not genuine.", findings=found, detail="by script")
        known = self.people[reply.params["person"]]
        return replace(known, replay_key=known.replay_key or f"{attempt.handle}:{len(self.sent)}")

    def explain(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Sequence[Finding]:
        return ()

    def publish(self, connection: ConnectionConfig, name: str) -> Published:
        return Published("text/plain", connection.id.encode(), 60)


def answer(handle: str, person: str = "alice", *, method: str = "POST", connection: str = "", **more: str) -> UnverifiedReply:
    """What a browser brings back from the IdP."""
    params: Mapping[str, str] = {"state": handle, "person": person, **more}
    address = f"https://broker.example.com/scripted/{connection}/reply"
    return UnverifiedReply("POST" if method == "POST" else "GET", address, params)


def ago(now: datetime, **delta: float) -> datetime:
    return now - timedelta(**delta)
