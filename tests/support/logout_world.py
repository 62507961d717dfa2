"""SAML connections of two tenants, each with an IdP and somebody of the same name signed in, and what their IdPs may send."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

from lxml import etree

from idbroker.connections.service import ConnectionForm, ConnectionService, new_connection_id
from idbroker.federation.contract import PostTo, RedirectTo, UnverifiedReply
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.login.finish import Finisher
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import Ended, LogoutFlow
from idbroker.login.logout_address import LogoutAddresses
from idbroker.login.steps import Destination, LogoutStep, SignOutAtIdp, Visitor
from idbroker.sessions.model import Session, Sessions
from idbroker.sessions.service import Beginning, SessionService, is_live
from saml import names
from saml.bindings import redirect_query
from saml.demo_idp import DemoSamlIdp
from saml.demo_logout import DemoLogout
from saml.keys import load_private_key
from saml.names import tag
from saml.protocol import SamlProtocol
from saml.signing import sign_enveloped
from saml.times import write_time
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.logout_doubles import NothingIsMissing
from tests.support.saml_world import key_pair
from tests.support.sign_in import BROWSER
from tests.support.world import MASTER_KEY, make_tenant

BASE = "https://broker.example"
ALICE = "alice-0001"
Element = etree._Element
Edit = Callable[[Element], None]


def unchanged(root: Element) -> None:
    """A genuine message."""
    del root


@dataclass
class Place:
    """One connection: its owner, its IdP, and the session of the person whom that IdP calls Alice."""

    scope: TenantScope
    connection: str
    idp: DemoSamlIdp
    signer: str
    session: str = ""

    @property
    def slo_url(self) -> str:
        return f"{BASE}/saml/{self.connection}/slo"


@dataclass
class LogoutWorld:
    stores: Stores
    clock: TestClock
    numbers: list[int] = field(default_factory=lambda: [0])

    def __post_init__(self) -> None:
        fetcher = NothingIsMissing()
        envelope = Envelope(LocalMasterKeys([MASTER_KEY]))
        self.protocol = SamlProtocol(BASE, self.clock, fetcher)
        self.connections = ConnectionService({"saml": self.protocol}, envelope)
        self.sessions = SessionService(envelope, lifetime=timedelta(hours=12))
        finisher = Finisher(self.stores.main, self.sessions, self.clock)
        flow = LoginFlow(self.stores.main, self.connections, finisher, self.clock, lifetime=timedelta(minutes=15))
        addresses = LogoutAddresses(fetcher, self.clock)
        self.logout = LogoutFlow(self.stores.main, self.connections, self.sessions, flow, addresses)
        acme, globex = make_tenant(self.stores, "acme"), make_tenant(self.stores, "globex")
        self.here = self._place(acme, "idp")
        self.beside = self._place(acme, "second idp")
        self.elsewhere = self._place(globex, "third idp")

    @property
    def places(self) -> tuple[Place, ...]:
        return self.here, self.beside, self.elsewhere

    def _place(self, scope: TenantScope, signer: str) -> Place:
        root = f"https://{quote_plus(signer)}.example"
        idp = DemoSamlIdp(f"{root}/metadata", f"{root}/sso", self.clock, keys=key_pair(signer))
        place = Place(scope, new_connection_id(), idp, signer)
        metadata = DemoLogout(idp, f"{root}/slo").metadata()
        form = ConnectionForm(type="saml", name=signer, metadata_xml=metadata)
        draft = self.connections.draft(form, place.connection)
        with self.stores.main.tenant(scope) as unit:
            self.connections.create(unit, form, place.connection, draft)
        self.sign_in(place)
        return place

    def sign_in(self, place: Place) -> None:
        now = self.clock.now()
        upstream = {"name_id": ALICE, "name_id_format": names.FORMAT_PERSISTENT, "session_index": "_session"}
        with self.stores.main.tenant(place.scope) as unit:
            beginning = Beginning(f"usr_{place.signer}", place.connection, now, (), None, upstream, None)
            place.session = self.sessions.start(unit, beginning)[0].id

    def live(self, place: Place) -> bool:
        return is_live(self.row(place), self.clock.now())

    def row(self, place: Place) -> Session:
        with self.stores.main.tenant(place.scope, read_only=True) as unit:
            row = unit[Sessions].get(place.session)
            assert row is not None
            return row

    def deliver(self, message: UnverifiedReply, place: Place | None = None, visitor: Visitor = BROWSER) -> LogoutStep:
        return self.logout.message("saml", (place or self.here).connection, message, visitor)

    def leave(self, place: Place) -> dict[str, str]:
        """Signed out here and on the way to the IdP: what the browser brings there."""
        with self.stores.main.tenant(place.scope) as unit:
            row = unit[Sessions].get(place.session)
            assert row is not None
            self.sessions.end(unit, row, "signed_out")
        step = self.logout.leave([Ended(place.scope.tenant, place.session)], Destination(), BROWSER)
        assert isinstance(step, SignOutAtIdp)
        if isinstance(step.handoff, PostTo):
            return dict(step.handoff.fields)
        assert isinstance(step.handoff, RedirectTo)
        return dict(parse_qsl(urlsplit(step.handoff.url).query))

    # --- what an IdP sends ---

    def request(self, place: Place, edit: Edit = unchanged, *, destination: str | None = None) -> Element:
        root = self._message(place, "LogoutRequest", destination or place.slo_url)
        root.set("NotOnOrAfter", write_time(self.clock.now() + timedelta(minutes=5)))
        etree.SubElement(root, tag(names.SAML, "NameID"), {"Format": names.FORMAT_PERSISTENT}).text = ALICE
        etree.SubElement(root, tag(names.SAMLP, "SessionIndex")).text = "_session"
        edit(root)
        return root

    def response(self, place: Place, asked: dict[str, str], edit: Edit = unchanged) -> Element:
        """To our request, as it came by redirect."""
        inflated = zlib.decompress(base64.b64decode(asked["SAMLRequest"]), -15)
        root = self._message(place, "LogoutResponse", place.slo_url)
        root.set("InResponseTo", str(etree.fromstring(inflated).get("ID")))
        status = etree.SubElement(root, tag(names.SAMLP, "Status"))
        etree.SubElement(status, tag(names.SAMLP, "StatusCode"), {"Value": names.STATUS_SUCCESS})
        edit(root)
        return root

    def _message(self, place: Place, local: str, destination: str) -> Element:
        self.numbers[0] += 1
        moment = write_time(self.clock.now())
        given = {"ID": f"_message-{self.numbers[0]}", "Version": "2.0", "IssueInstant": moment, "Destination": destination}
        root = etree.Element(tag(names.SAMLP, local), given, nsmap={"samlp": names.SAMLP, "saml": names.SAML})
        etree.SubElement(root, tag(names.SAML, "Issuer")).text = place.idp.entity_id
        return root

    def by_query(self, root: Element, signer: str | None, place: Place | None = None, relay: str = "theirs") -> UnverifiedReply:
        key = load_private_key(key_pair(signer).private_pem) if signer is not None else None
        query = redirect_query(etree.tostring(root), relay, key, _field(root))
        return UnverifiedReply("GET", (place or self.here).slo_url, dict(parse_qsl(query)), query)

    def by_form(self, root: Element, signer: str | None, place: Place | None = None, relay: str = "theirs") -> UnverifiedReply:
        if signer is not None:
            sign_enveloped(root, load_private_key(key_pair(signer).private_pem), key_pair(signer).certificate_pem)
        return self.posted(etree.tostring(root), _field(root), place, relay)

    def posted(
        self, data: bytes, name: str = "SAMLRequest", place: Place | None = None, relay: str = "theirs"
    ) -> UnverifiedReply:
        fields: dict[str, Any] = {name: base64.b64encode(data).decode(), "RelayState": relay}
        return UnverifiedReply("POST", (place or self.here).slo_url, fields)


def _field(root: Element) -> Any:
    return "SAMLRequest" if str(root.tag).endswith("Request") else "SAMLResponse"
