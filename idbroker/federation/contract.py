"""The seam for an upstream protocol: what the login flow hands over, and what it gets back.

Everything that comes from outside is typed as unverified until a protocol returns an ``ExternalIdentity``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from idbroker.federation.beginning import SignInWished
from idbroker.federation.logout import LogoutAnswered, LogoutAsked, LogoutOutcome
from idbroker.federation.options import ConnectionOptions
from idbroker.federation.profile import Profile
from idbroker.kernel.addresses import parent_domains
from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import ConnectionId, TenantId

Document = dict[str, Any]
"""A JSON object on its way out."""


@dataclass(frozen=True, slots=True)
class ConnectionUpload:
    """What an admin gave to make or change a connection, already bounded in size, not yet believed.

    ``fields`` is the request body less what the connection itself keeps (name, vendor, options, mapping, status):
    for SAML ``metadata_xml`` | ``metadata_url`` | ``idp`` {entity_id, sso_url, certificates} and ``entity_id``;
    for OIDC ``issuer``, ``client_id``, ``client_secret``, ``scopes``.
    """

    connection: ConnectionId
    fields: Mapping[str, Any]
    vendor: str | None
    options: ConnectionOptions


@dataclass(frozen=True, slots=True)
class Warn:
    """Something an admin should know about an accepted upload. ``code`` is stable."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ConnectionDraft:
    """A protocol's understanding of an upload.

    ``settings`` is JSON in the protocol's own shape and holds nothing secret; ``secrets`` are sealed by the caller.
    """

    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    vendor: str = "generic"
    warnings: tuple[Warn, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """One live connection as a protocol sees it. ``(id, version)`` is a cache key: any change makes a new version."""

    id: ConnectionId
    tenant: TenantId
    version: int
    protocol: str
    vendor: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    options: ConnectionOptions
    attribute_mapping: Mapping[str, str]
    verified_domains: tuple[str, ...] = ()
    """``example.com`` speaks for itself, ``*.example.com`` for everything below it."""
    only_for: tuple[str, ...] | None = None
    """Whose sign-ins go through it, by address; None for everybody's."""

    def owns(self, domain: str) -> bool:
        """Whether the tenant has proven that domain, itself or through a parent that includes its subdomains."""
        return domain in self.verified_domains or any(f"*.{p}" in self.verified_domains for p in parent_domains(domain))


@dataclass(frozen=True, slots=True)
class AttemptRef:
    """One sign-in attempt as a protocol sees it, on the way out and again on the way back.

    ``handle`` is a 43-character secret that travels as RelayState or ``state``; what a reply must match (request id,
    nonce, code verifier) is derived from it with ``kernel.secrets.derive`` and never stored.
    """

    handle: str
    begun_at: datetime
    login_hint: str | None = None
    force_authn: bool = False
    max_age: int | None = None
    """Seconds, from the app's ``max_age``."""
    acr_values: tuple[str, ...] = ()
    """What the app would like, in order of preference; the IdP need not do it (OIDC Core 3.1.2.1)."""
    select_account: bool = False
    """The person wants to choose with which account."""
    is_passive: bool = False
    """The IdP must not show anything (``prompt=none``, SAML core 3.4.1 IsPassive)."""


@dataclass(frozen=True, slots=True)
class RedirectTo:
    """Send the browser there with a 303."""

    url: str


@dataclass(frozen=True, slots=True)
class PostTo:
    """Send the browser there with an auto-submitting form."""

    url: str
    fields: Mapping[str, str]


Handoff = RedirectTo | PostTo


@dataclass(frozen=True, slots=True)
class UnverifiedReply:
    """What a browser brought to one of a connection's reply addresses. Repeated parameters were refused before."""

    method: Literal["GET", "POST"]
    address: str
    """The absolute URL it was delivered to, without query."""
    params: Mapping[str, str]
    raw_query: str = ""


Stage = Literal["preflight", "crypto", "profile", "state"]
Outcome = Literal["pass", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one named check found. The first ``fail`` is the verdict; the whole list is the diagnosis."""

    check: str
    stage: Stage
    outcome: Outcome
    spec: str
    expected: str = ""
    received: str = ""
    advice: str = ""

    def as_document(self) -> Document:
        return {
            "check": self.check,
            "stage": self.stage,
            "outcome": self.outcome,
            "spec": self.spec,
            "expected": self.expected,
            "received": self.received,
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """What an answer said, for the diagnosis of an answer that cannot be read again: unverified, and personal data."""

    attributes: Mapping[str, Sequence[str]]
    mapped: Mapping[str, Any]
    text: str
    """The message in readable form; "" where it has none."""


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """A person as a customer's IdP vouches for him, every part verified.

    ``replay_key`` may be admitted once per connection and is remembered until ``replay_until``.
    ``upstream`` is what a later logout needs, in the words of its specification: ``name_id`` or ``id_token_sub`` names the
    person, ``session_index`` or ``sid`` the IdP's session; the IdP's own logout finds our sessions by these.
    """

    subject: str
    profile: Profile
    attributes: Mapping[str, Sequence[str]]
    replay_key: str
    replay_until: datetime
    authenticated_at: datetime | None = None
    amr: tuple[str, ...] = ()
    acr: str | None = None
    session_not_after: datetime | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    """What the checks found, where they cannot run again on the same answer."""
    passed: tuple[str, ...] = ()
    """The names of the checks that the answer passed, in their order: what the trail keeps of a sign-in that is allowed."""
    received: Received | None = None
    """As of ``ReplyRefused``."""


class ReplyRefused(Refusal):
    """A reply that failed a check. ``public`` is one fixed sentence; the findings are for the tenant's admins.

    ``received`` is set where only the sign-in itself could see what the answer held.
    """

    status = 403

    def __init__(
        self,
        code: str,
        public: str,
        *,
        findings: Sequence[Finding] = (),
        detail: str = "",
        status: int | None = None,
        received: Received | None = None,
    ) -> None:
        super().__init__(code, public, detail=detail, status=status)
        self.findings = tuple(findings)
        self.received = received


@dataclass(frozen=True, slots=True)
class Published:
    """A document that a connection publishes about us (SP metadata, a key set)."""

    media_type: str
    body: bytes
    max_age: int
    """Seconds that a cache may keep it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address below ``/{protocol}/{connection}/``.

    ``reply``: the IdP's answer arrives here. ``logout``: its logout messages do, in both directions, by a browser.
    ``backchannel``: its logout messages without a browser. ``begin``: a browser is sent here to sign in. ``document``: we
    publish something here.
    """

    kind: Literal["reply", "logout", "backchannel", "begin", "document"]
    method: Literal["GET", "POST"]
    name: str


class FederationProtocol(Protocol):
    """A way to sign in upstream. One instance serves every connection of its kind and keeps only caches."""

    @property
    def name(self) -> str: ...

    @property
    def endpoints(self) -> Sequence[Endpoint]: ...

    def draft(self, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
        """Understand an upload. ``current`` is the connection that it changes, whose own keys are kept.

        Raises kernel.errors.Invalid with pointers into the upload, or Refusal when a URL could not be read.
        """
        ...

    def addresses(self, connection: ConnectionId, options: ConnectionOptions) -> Document:
        """Our side alone, as ``describe`` shows it (``{"sp": …}``, ``{"rp": …}``): it follows from the id and the options."""
        ...

    def reserve(self, connection: ConnectionId, options: ConnectionOptions) -> ConnectionDraft:
        """What must be kept of our side from before the IdP is known, keys above all. Without settings: nothing.

        ``publish`` works on it, and as ``current`` of a draft it is what our side of the new connection is taken from.
        """
        ...

    def describe(self, connection: ConnectionConfig) -> Document:
        """The protocol's part of the connection as the Admin API shows it (``sp``/``idp`` or ``rp`` …), no secrets."""
        ...

    def begin(self, connection: ConnectionConfig, attempt: AttemptRef) -> Handoff:
        """How the browser gets to the IdP. Raises ReplyRefused (502) when the IdP cannot be reached."""
        ...

    def correlate(self, reply: UnverifiedReply) -> str | None:
        """The attempt's handle that the reply claims to answer, None when it names none."""
        ...

    def unsolicited(self, reply: UnverifiedReply) -> bool:
        """Whether the reply answers nothing that we asked: a sign-in that began at the IdP. Its content is not looked into."""
        ...

    def complete(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef) -> ExternalIdentity:
        """Verify the reply to that attempt. Raises ReplyRefused at the first failed check."""
        ...

    def explain(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Sequence[Finding]:
        """Run the same checks to the end. Changes nothing and raises nothing that a reply's content could cause."""
        ...

    def report(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Document:
        """The whole diagnosis as admins read and we keep it: ``{"verdict": "accept" | "refuse", "code", "findings",
        "attributes", "mapped", "xml"}``. ``code`` is that of the first failure, None when there is none; ``attributes`` is as
        received, ``mapped`` the profile made of it, ``xml`` the message in readable form or "" where it is none.

        As ``explain``: changes nothing and raises nothing that a reply's content could cause. Its content is personal data.
        """
        ...

    def read_beginning(self, connection: ConnectionConfig, message: UnverifiedReply) -> SignInWished:
        """What came to a ``begin`` endpoint. Raises ReplyRefused (400) for what is not meant for this connection."""
        ...

    def begin_logout(self, connection: ConnectionConfig, upstream: Mapping[str, str], handle: str) -> Handoff | None:
        """How the browser gets the IdP to end its session. None when it offers no logout, or ``upstream`` names nothing.

        ``handle`` comes back in the answer. Raises ReplyRefused (502) when the IdP's logout address is known not to work.
        """
        ...

    def read_logout(self, connection: ConnectionConfig, message: UnverifiedReply) -> LogoutAsked | LogoutAnswered:
        """Verify what came to a ``logout`` or ``backchannel`` endpoint. Raises ReplyRefused at the first failed check."""
        ...

    def answer_logout(self, connection: ConnectionConfig, asked: LogoutAsked, outcome: LogoutOutcome) -> Handoff | None:
        """How the browser takes our answer back to the IdP. None when the IdP has no address for it."""
        ...

    def publish(self, connection: ConnectionConfig, name: str) -> Published:
        """The document of that ``document`` endpoint."""
        ...


Protocols = Mapping[str, FederationProtocol]
