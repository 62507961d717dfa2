"""What the login flow takes in and what it answers: values only. The front turns them into pages and redirects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from idbroker.connections.discovery import Candidate
from idbroker.federation.contract import Handoff, UnverifiedReply
from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import RequestId, TenantId
from idbroker.kernel.scope import Actor, new_request_id
from idbroker.login.evidence import Evidence

POSTED_AGAIN = "idb_posted_again"
"""Field that marks the second, same-site sending of a reply."""


def _uncounted(tenant: TenantId) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser. ``secret`` is what its signed cookie holds; None when no cookie came."""

    secret: str | None
    ip: str | None = None
    user_agent: str | None = None
    request: RequestId = field(default_factory=new_request_id)
    restarted: str | None = None
    """The connection whose sign-in has begun anew in this browser just now, because it had begun at the IdP."""
    count: Callable[[TenantId], None] = _uncounted
    """Told whose sign-in it is as soon as the tenant's IdP has vouched for it; refuses when the tenant has too many."""

    @property
    def actor(self) -> Actor:
        return Actor(type="visitor", ip=self.ip, user_agent=self.user_agent)


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """Who begins a sign-in, and what is known of the person. ``origin`` comes back at ``resume_path`` untouched."""

    resume_path: str
    origin: Mapping[str, Any] = field(default_factory=dict)
    app_id: str | None = None
    app_name: str | None = None
    app_tenants: tuple[str, ...] | None = None
    pinned_tenant: TenantId | None = None
    tenant: str | None = None
    """Slug or id, as asked for."""
    connection: str | None = None
    email: str | None = None
    login_hint: str | None = None
    """For the IdP, where no e-mail is given: a user name that means something there."""
    force_authn: bool = False
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    select_account: bool = False


@dataclass(frozen=True, slots=True)
class SendToIdp:
    handoff: Handoff


@dataclass(frozen=True, slots=True)
class AskEmail:
    """Ask for the work e-mail. ``problem`` says what was wrong with the last one."""

    handle: str
    app_name: str | None
    email: str = ""
    problem: str = ""
    tenant: TenantId | None = None
    """The one tenant that the app began the sign-in for."""


@dataclass(frozen=True, slots=True)
class AskChoice:
    """Several connections are possible: let the person pick."""

    handle: str
    app_name: str | None
    tenant_name: str
    connections: tuple[Candidate, ...]
    tenant: TenantId | None = None


@dataclass(frozen=True, slots=True)
class PostAgain:
    """The browser withheld its cookie from the IdP's cross-site POST: have it send the same fields again, same-site."""

    address: str
    fields: Mapping[str, str]


def post_again(reply: UnverifiedReply, visitor: Visitor) -> PostAgain | None:
    """What may bring the browser's cookie along; None when it is here, or did not come the second time either."""
    if visitor.secret is not None or reply.method != "POST" or POSTED_AGAIN in reply.params:
        return None
    return PostAgain(reply.address, {**reply.params, POSTED_AGAIN: "1"})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session stands. ``cookie`` is its handle, ``location`` where the browser goes next."""

    cookie: str
    location: str


@dataclass(frozen=True, slots=True)
class Restart:
    """A sign-in that began at the IdP begins anew, at the app that starts it for ``connection`` or at our own front door.

    ``app_address`` is the app's ``initiate_login_uri`` (OpenID Connect Core 4), ``target`` where the person wants to in it.
    """

    tenant: str
    connection: str
    app_address: str | None = None
    target: str | None = None
    login_hint: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a sign-out ends: an address that was proven before, or our own page."""

    location: str | None = None
    app_name: str | None = None


@dataclass(frozen=True, slots=True)
class SignOutAtIdp:
    """Here all is ended; the IdP is to end its session too."""

    handoff: Handoff


@dataclass(frozen=True, slots=True)
class AnswerIdp:
    """The IdP, which asked for it, is told that all is ended here."""

    handoff: Handoff


@dataclass(frozen=True, slots=True)
class SignedOut:
    """All is ended here. ``troubles``: what could not be ended elsewhere, in sentences for the person."""

    destination: Destination = Destination()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GoOn:
    """Nobody was signed in, and that was the point: the browser goes on to a page of ours."""

    location: str


Step = SendToIdp | AskEmail | AskChoice | PostAgain | SignedIn | Restart | GoOn
LogoutStep = SignOutAtIdp | AnswerIdp | PostAgain | SignedOut


class SignInRefused(Refusal):
    """A refusal with what is known of the sign-in, so that it lands in the right trail and offers the right way back."""

    def __init__(
        self,
        cause: Refusal,
        *,
        tenant: TenantId | None = None,
        connection_id: str | None = None,
        back: str | None = None,
        start: str | None = None,
        signing_out: bool = False,
        context: Mapping[str, Any] | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        super().__init__(cause.code, cause.public, detail=cause.detail, status=cause.status)
        self.retry_after = cause.retry_after
        self.cause = cause
        self.evidence = evidence
        """What a diagnosis can be made of; None for what never reached a connection's checks."""
        self.tenant = tenant
        self.connection_id = connection_id
        self.back = back
        """A path of ours that takes the browser back to the app with an OAuth error; None when there is no app."""
        self.start = start
        """A path of ours that begins the sign-in as it should begin."""
        self.signing_out = signing_out
        """It is a sign-out that was refused."""
        self.context = dict(context or {})
