"""One SAML connection and one demo IdP that know each other, on a clock that a test can move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    ConnectionUpload,
    ExternalIdentity,
    PostTo,
    RedirectTo,
    UnverifiedReply,
)
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.ids import ConnectionId, TenantId
from idbroker.outbound.fetcher import Fetched, FetchFailed
from saml.demo_idp import Answer, DemoPerson, DemoSamlIdp, ReadRequest
from saml.keys import KeyPair, new_key_pair
from saml.protocol import SamlProtocol

BASE = "https://broker.example"
CONNECTION = ConnectionId("con_06b3kq0000000000000000000a")
NOW = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)
HANDLE = "h" * 43
IDP = "https://idp.acme.example/saml"
SSO = "https://idp.acme.example/sso"

ALICE = DemoPerson(
    name_id="alice-0001",
    attributes={
        "email": ("Alice@acme.example",),
        "firstName": ("Alice",),
        "lastName": ("Arden",),
        "groups": ("Engineering", "Admins"),
    },
)


class StoppedClock:
    """Stands still until a test moves it."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, span: timedelta) -> None:
        self.moment += span


class ScriptedFetcher:
    """Answers from a table of URL to (status, body); anything else cannot be reached."""

    def __init__(self, pages: Mapping[str, tuple[int, bytes]] | None = None) -> None:
        self.pages = dict(pages or {})

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched:
        del accept, headers
        if url not in self.pages:
            raise FetchFailed("outbound_failed", "The other server could not be reached.")
        status, body = self.pages[url]
        return Fetched(url, status, {}, body)

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        raise AssertionError(f"nothing here posts a form, but {url} was asked")


@cache
def key_pair(name: str) -> KeyPair:
    """The same key for the same name all through a test run: making one takes 100 ms."""
    return new_key_pair(name, NOW)


def upload(fields: Mapping[str, Any], **more: Any) -> ConnectionUpload:
    return ConnectionUpload(
        connection=CONNECTION, fields=fields, vendor=more.pop("vendor", None), options=more.pop("options", ConnectionOptions())
    )


@dataclass
class World:
    """``options`` and ``mapping`` are the connection's; every change makes a new version."""

    options: ConnectionOptions = field(default_factory=ConnectionOptions)
    mapping: Mapping[str, str] = field(default_factory=dict)
    clock: StoppedClock = field(default_factory=StoppedClock)
    fetcher: ScriptedFetcher = field(default_factory=ScriptedFetcher)
    attempt: AttemptRef = field(default_factory=lambda: AttemptRef(HANDLE, NOW))

    def __post_init__(self) -> None:
        self.protocol = SamlProtocol(BASE, self.clock, self.fetcher)
        self.idp = DemoSamlIdp(IDP, SSO, self.clock, keys=key_pair("idp"))
        self.connection = _connection(self.protocol, self.idp, self.options, self.mapping)
        sp = self.protocol.describe(self.connection)["sp"]
        self.entity_id, self.acs_url = sp["entity_id"], sp["acs_url"]
        self.idp.trust(self.entity_id, self.acs_url)

    def with_settings(self, **idp: Any) -> None:
        """Change the stored description of the IdP."""
        settings = dict(self.connection.settings)
        settings["idp"] = {**settings["idp"], **idp}
        self.connection = replace(self.connection, settings=settings, version=self.connection.version + 1)

    def request(self) -> ReadRequest:
        """The IdP's reading of our request."""
        handoff = self.protocol.begin(self.connection, self.attempt)
        if isinstance(handoff, RedirectTo):
            return self.idp.read_request(dict(parse_qsl(urlsplit(handoff.url).query)), deflated=True)
        assert isinstance(handoff, PostTo)
        return self.idp.read_request(handoff.fields, deflated=False)

    def answer(self, answer: Answer | None = None, person: DemoPerson = ALICE) -> str:
        return self.idp.respond(person, self.request(), answer)

    def reply(self, encoded: str) -> UnverifiedReply:
        return UnverifiedReply("POST", self.acs_url, {"SAMLResponse": encoded, "RelayState": self.attempt.handle})

    def complete(self, encoded: str) -> ExternalIdentity:
        return self.protocol.complete(self.connection, self.reply(encoded), self.attempt)

    def sign_in(self, answer: Answer | None = None, person: DemoPerson = ALICE) -> ExternalIdentity:
        return self.complete(self.answer(answer, person))


@cache
def _sp_keys() -> KeyPair:
    return key_pair("sp")


def _connection(
    protocol: SamlProtocol, idp: DemoSamlIdp, options: ConnectionOptions, mapping: Mapping[str, str]
) -> ConnectionConfig:
    own = ConnectionConfig(
        id=CONNECTION,
        tenant=TenantId("tnt_06b3kq0000000000000000000a"),
        version=0,
        protocol="saml",
        vendor="generic",
        settings=_placeholder(),
        secrets={"sp_key": _sp_keys().private_pem},
        options=options,
        attribute_mapping=mapping,
    )
    draft = protocol.draft(upload({"metadata_xml": idp.metadata()}, options=options), own)
    return replace(own, settings=draft.settings, secrets=draft.secrets, version=1)


def _placeholder() -> dict[str, Any]:
    """A connection that exists, so that drafts keep its key."""
    nowhere = {"redirect": None, "post": None}
    idp = {
        "entity_id": "x", "sso": nowhere, "slo": nowhere, "certificates": [], "encryption_certificates": [],
        "name_id_formats": [], "want_authn_requests_signed": False, "valid_until": None,
    }  # fmt: skip
    return {"idp": idp, "sp": {"certificate": _sp_keys().certificate_pem}, "source": {"metadata_url": None}}
