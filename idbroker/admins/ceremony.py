"""Adding a passkey and signing in with one: who it is for, what is used up, what the trail hears."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError

from idbroker.admins.operator_tenant import is_switched_off
from idbroker.admins.operators import Operators, OperatorService
from idbroker.admins.passkeys import MAX_PASSKEYS, Passkey, PasskeyChallenges, Passkeys
from idbroker.admins.sessions import AdminSessions
from idbroker.admins.tenant_admins import TenantAdmins, TenantAdminService
from idbroker.admins.visits import Visit
from idbroker.audit.outbox import Outbox
from idbroker.directory.model import Users
from idbroker.kernel.errors import Conflict, Forbidden, NotFound, invalid_field
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import new_secret
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants

MAX_CREDENTIAL = 20_000
MAX_NAME = 80
PUBLIC = "This passkey was not accepted. Reload the page and try again, or sign in another way."


class Refused(Exception):
    """By the checks; the reason is for the trail."""


class PasskeyRefused(Forbidden):
    def __init__(self, detail: str) -> None:
        super().__init__("passkey_refused", PUBLIC, detail=detail)


@dataclass(frozen=True, slots=True)
class Site:
    """The relying party: one origin, and the host that passkeys are bound to. Authenticators know no IP addresses."""

    origin: str
    rp_id: str
    name: str = "idbroker"

    @property
    def usable(self) -> bool:
        try:
            ipaddress.ip_address(self.rp_id)
        except ValueError:
            return bool(self.rp_id) and (self.origin.startswith("https://") or self.rp_id == "localhost")
        return False


def site_of(public_url: str) -> Site:
    parts = urlsplit(public_url)
    return Site(f"{parts.scheme}://{parts.netloc}", parts.hostname or "")


@dataclass(frozen=True, slots=True)
class Registered:
    credential_id: str
    public_key: bytes
    sign_count: int
    backed_up: bool


class Ceremonies:
    """``checks`` is what knows WebAuthn: loaded when first used."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    def _checks(self) -> Any:
        return import_module("idbroker.admins.webauthn_checks")

    def begin_adding(self, unit: PlatformUnit, visit: Visit) -> dict[str, Any]:
        known = unit[Passkeys].of(visit.principal.key)
        if len(known) >= MAX_PASSKEYS:
            raise Conflict("too_many_passkeys", f"{MAX_PASSKEYS} passkeys are enough. Remove one first.")
        challenge = new_secret()
        unit[PasskeyChallenges].keep(challenge, visit.session)
        ids = [one.credential_id for one in known]
        options: dict[str, Any] = self._checks.creation_options(
            self.site, challenge, visit.principal.key, visit.principal.name, ids
        )
        return options

    def add(self, unit: PlatformUnit, visit: Visit, credential: str, name: str) -> Passkey:
        """Raises PasskeyRefused, Conflict, Invalid."""
        said = name.strip()
        if not 1 <= len(said) <= MAX_NAME or not said.isprintable():
            raise invalid_field("/name", f"A name has 1 to {MAX_NAME} printable characters.")
        document, challenge = _read(credential)
        if len(unit[Passkeys].of(visit.principal.key)) >= MAX_PASSKEYS:
            raise Conflict("too_many_passkeys", f"{MAX_PASSKEYS} passkeys are enough. Remove one first.")
        if not unit[PasskeyChallenges].take(challenge, visit.session):
            raise PasskeyRefused("the challenge is not this session's, or used, or old")
        try:
            found: Registered = self._checks.registered(self.site, document, challenge)
        except Refused as error:
            raise PasskeyRefused(str(error)) from error
        row = Passkey(
            id=new_id("psk"),
            subject_id=visit.principal.key,
            tenant_id=visit.principal.tenant,
            credential_id=found.credential_id,
            public_key=found.public_key,
            sign_count=found.sign_count,
            name=said,
            backed_up=found.backed_up,
            created_at=unit.clock.now(),
        )
        try:
            unit[Passkeys].add(row)
        except IntegrityError as error:
            raise Conflict("passkey_known", "This passkey is known already.") from error
        _record(unit, "passkey.added", row)
        return row

    def remove(self, unit: PlatformUnit, visit: Visit, passkey_id: str) -> None:
        row = next((one for one in unit[Passkeys].of(visit.principal.key) if one.id == passkey_id), None)
        if row is None:
            raise NotFound("passkey")
        unit[Passkeys].remove(row)
        _record(unit, "passkey.removed", row)

    def begin_sign_in(self, unit: PlatformUnit, browser: str) -> dict[str, Any]:
        challenge = new_secret()
        unit[PasskeyChallenges].keep(challenge, browser)
        options: dict[str, Any] = self._checks.request_options(self.site, challenge)
        return options

    def challenged(self, unit: PlatformUnit, credential: str, browser: str) -> tuple[Mapping[str, Any], str]:
        """The answer as it came, unverified, and its challenge, used up whatever comes of it. Raises PasskeyRefused."""
        document, challenge = _read(credential)
        if not unit[PasskeyChallenges].take(challenge, browser):
            raise PasskeyRefused("the challenge is not this browser's, or used, or old")
        return document, challenge

    def sign_in(self, unit: PlatformUnit, document: Mapping[str, Any], challenge: str, by: Actor) -> str:
        """The cookie of a new session. Raises PasskeyRefused, with the event where it is known whose passkey it is."""
        row = unit[Passkeys].held(_text(document, "id"))
        if row is None:
            raise PasskeyRefused("no such passkey")
        handle = _handle(document)
        if handle not in (None, row.subject_id):
            raise PasskeyRefused("the user handle is another's")
        try:
            row.sign_count = self._checks.answered(self.site, dict(document), challenge, row.public_key, row.sign_count)
        except Refused as error:
            raise PasskeyRefused(f"{row.id}: {error}") from error
        row.last_used_at = unit.clock.now()
        return _admin(unit, row, by) if row.tenant_id is not None else _operator(unit, row)


def note_refused(unit: PlatformUnit, document: Mapping[str, Any], refusal: PasskeyRefused) -> None:
    """In a transaction of its own, in the operators' trail: whose it was may be what is wrong."""
    row = unit[Passkeys].held(_text(document, "id"))
    resource = Resource("passkey", row.id, row.name) if row is not None else Resource("passkey", "unknown")
    context = {"detail": refusal.detail, "tenant_id": row.tenant_id if row is not None else None}
    unit.own_trail()[Outbox].record(Event("passkey.refused", resource, context=context))


def _operator(unit: PlatformUnit, row: Passkey) -> str:
    operator = unit[Operators].get(row.subject_id)
    if operator is None or operator.disabled_at is not None:
        raise PasskeyRefused("the operator is switched off")
    if is_switched_off(unit, operator):
        raise PasskeyRefused("he is switched off as a person of the operators' tenant")
    session, cookie = unit[AdminSessions].open("operator", operator.id, None)
    OperatorService().signed_in(unit, operator, session, {"by": "passkey", "passkey_id": row.id})
    return cookie


def _admin(unit: PlatformUnit, row: Passkey, by: Actor) -> str:
    """What his identity provider took away, no passkey gives back."""
    tenant = unit[Tenants].get(row.tenant_id or "")
    if tenant is None:
        raise PasskeyRefused("no such tenant")
    with unit.enter(TenantScope(tenant.tenant_id, by)) as inside:
        admin = inside[TenantAdmins].get(row.subject_id)
        person = inside[Users].get(admin.user_id) if admin is not None and admin.user_id is not None else None
        if admin is None or (admin.user_id is not None and (person is None or not person.active)):
            raise PasskeyRefused("he is no admin any more, or switched off as a person")
        TenantAdminService().signed_in(inside, admin, "passkey")
    return unit[AdminSessions].open("admin", row.subject_id, TenantId(tenant.id))[1]


def _record(unit: PlatformUnit, action: str, row: Passkey) -> None:
    event = Event(action, Resource("passkey", row.id, row.name), context={"subject_id": row.subject_id})
    if row.tenant_id is None:
        unit.own_trail()[Outbox].record(event)
    else:
        with unit.enter(TenantScope(TenantId(row.tenant_id), unit.actor)) as inside:
            inside[Outbox].record(event)


def _read(credential: str) -> tuple[dict[str, Any], str]:
    """(the credential, the challenge that its client data names). Nothing of it is believed. Raises PasskeyRefused."""
    if not 2 <= len(credential) <= MAX_CREDENTIAL:
        raise PasskeyRefused("no credential, or a huge one")
    try:
        document = json.loads(credential)
        client_data = json.loads(_bytes(document["response"]["clientDataJSON"]))
        challenge = client_data["challenge"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PasskeyRefused("not the form of a credential") from error
    if not isinstance(document, dict) or not isinstance(challenge, str) or not challenge.isascii():
        raise PasskeyRefused("not the form of a credential")
    return document, challenge


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _handle(document: Mapping[str, Any]) -> str | None:
    response = document.get("response")
    given = response.get("userHandle") if isinstance(response, dict) else None
    if given is None:
        return None
    try:
        return _bytes(given).decode()
    except (binascii.Error, ValueError, TypeError) as error:
        raise PasskeyRefused("the user handle cannot be read") from error


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) and len(value) <= 2000 else ""
