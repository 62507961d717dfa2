"""The form of the file: what it may hold, checked by the API's own models, so that the two never say different things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from idbroker.admin_api.body import parse
from idbroker.admin_api.connections import ProtocolFields
from idbroker.admin_api.directories import NewDirectory
from idbroker.admin_api.domains import NewDomain
from idbroker.admin_api.role_mappings import NewRoleMapping
from idbroker.admin_api.tenants import NewTenant
from idbroker.apps.service import AppForm, check_consistent
from idbroker.connections.service import ConnectionForm, parse_options
from idbroker.declared.source import BadFile, Fault, Place, Source
from idbroker.kernel.addresses import BadAddress, normal_domain
from idbroker.kernel.errors import Invalid
from idbroker.tenants.model import SLUG
from idbroker.webhooks.service import WebhookForm
from oidc.relying_party.fields import OidcFields

VERSION = 1
TOP = ("version", "tenants", "apps", "webhooks")
WITHIN_TENANT = ("domains", "connections", "directories", "role_mappings")
CONNECTION_FIELDS = {*ConnectionForm.model_fields, *ProtocolFields.model_fields, *OidcFields.model_fields} - {"name"}
DOMAIN_FIELDS = ("include_subdomains", "accept")


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing as the file wants it. ``name`` is its key; ``fields`` what is said of it, under the API's own names."""

    name: str
    fields: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class TenantWish:
    """A section that is None is not in the file: what is there is not looked at, nor pruned."""

    itself: Wish
    domains: list[Wish] | None
    connections: list[Wish] | None
    directories: list[Wish] | None
    role_mappings: list[Wish] | None


@dataclass(frozen=True, slots=True)
class Declaration:
    tenants: list[TenantWish] = field(default_factory=list)
    apps: list[Wish] | None = None
    webhooks: list[Wish] | None = None


def declaration(source: Source) -> Declaration:
    """Raises BadFile with every fault that can be seen without asking the API."""
    reading = _Reading(source)
    made = reading.whole()
    if reading.faults:
        raise BadFile(sorted(reading.faults, key=lambda fault: fault.line or 0))
    return made


class _Reading:
    def __init__(self, source: Source) -> None:
        self._source = source
        self.faults: list[Fault] = []

    def whole(self) -> Declaration:
        document = self._object(self._source.document, (), TOP)
        if document.get("version") != VERSION:
            self._fault(("version",), f"the form of the file; write version: {VERSION}")
        tenants = [self._tenant(wish) for wish in self._section(document, (), "tenants") or ()]
        apps = self._section(document, (), "apps")
        for wish in apps or ():
            self._checked(wish, AppForm, {"name": wish.name, **wish.fields}, check_consistent)
        webhooks = self._section(document, (), "webhooks")
        for wish in webhooks or ():
            self._checked(wish, WebhookForm, {"url": wish.name, **wish.fields})
        return Declaration(tenants, apps, webhooks)

    def _tenant(self, wish: Wish) -> TenantWish:
        fields = {name: value for name, value in wish.fields.items() if name not in WITHIN_TENANT}
        if not SLUG.fullmatch(wish.name):
            self._fault(wish.place, "a tenant's key is its slug: lower-case letters, digits and inner hyphens")
        self._checked(wish, NewTenant, {"slug": wish.name, "name": wish.name, "tier": "free", **_without_status(fields)})
        domains = self._section(wish.fields, wish.place, "domains")
        connections = self._section(wish.fields, wish.place, "connections")
        directories = self._section(wish.fields, wish.place, "directories")
        return TenantWish(
            Wish(wish.name, fields, wish.place),
            None if domains is None else self._domains(domains),
            None if connections is None else [self._connection(one) for one in connections],
            None if directories is None else [self._directory(one) for one in directories],
            self._role_mappings(wish),
        )

    def _domains(self, wishes: list[Wish]) -> list[Wish]:
        made: dict[str, Wish] = {}
        for domain in map(self._domain, wishes):
            if domain.name in made:
                self._fault(domain.place, f"{domain.name} stands here twice")
            made[domain.name] = domain
        return list(made.values())

    def _domain(self, wish: Wish) -> Wish:
        self._object(wish.fields, wish.place, DOMAIN_FIELDS)
        try:
            name = normal_domain(wish.name)
        except BadAddress as error:
            self._fault(wish.place, str(error))
            return wish
        plain = {key: value for key, value in wish.fields.items() if key != "accept"}
        self._checked(wish, NewDomain, {"domain": name, **plain})
        reason = wish.fields.get("accept")
        if reason is not None and not (isinstance(reason, str) and reason.strip()):
            self._fault((*wish.place, "accept"), "say why the domain is accepted without its TXT record")
        return Wish(name, wish.fields, wish.place)

    def _connection(self, wish: Wish) -> Wish:
        for name in wish.fields:
            if name not in CONNECTION_FIELDS:
                self._fault((*wish.place, name), "a connection has no such field")
        if "type" not in wish.fields:
            self._fault((*wish.place, "type"), "saml or oidc")
        else:
            form = self._checked(wish, ConnectionForm, {"name": wish.name, **wish.fields})
            if form is not None:
                self._tried(wish, lambda: parse_options(form.options))
        return wish

    def _directory(self, wish: Wish) -> Wish:
        plain = {key: value for key, value in wish.fields.items() if key != "connection"}
        connection = wish.fields.get("connection")
        if connection is not None and not isinstance(connection, str):
            self._fault((*wish.place, "connection"), "the name of a connection of this tenant")
        if "connection_id" in plain:
            self._fault((*wish.place, "connection_id"), "write connection: and its name")
        self._checked(wish, NewDirectory, {"name": wish.name, **plain})
        return wish

    def _role_mappings(self, tenant: Wish) -> list[Wish] | None:
        if "role_mappings" not in tenant.fields:
            return None
        entries, here = tenant.fields["role_mappings"], (*tenant.place, "role_mappings")
        if not isinstance(entries, list):
            self._fault(here, "a list of {group, role, app}")
            return []
        made: list[Wish] = []
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            place = (*here, number)
            wish = Wish("", self._object(entry, place, ("group", "role", "app")), place)
            if self._checked(wish, NewRoleMapping, dict(wish.fields)) is None:
                continue
            name = mapping_name(wish.fields["group"].strip(), wish.fields["role"].strip(), wish.fields.get("app"))
            if name in seen:
                self._fault(place, "stands here twice")
            seen.add(name)
            made.append(Wish(name, wish.fields, place))
        return made

    def _section(self, document: Mapping[str, Any], place: Place, name: str) -> list[Wish] | None:
        """Names as keys: ``{"Okta": {…}}``. What is said of nothing (``acme.example:``) is an empty wish."""
        if name not in document:
            return None
        here = (*place, name)
        entries = document[name]
        if entries is None:
            return []
        if not isinstance(entries, dict):
            self._fault(here, "a mapping of names")
            return []
        wishes = []
        for key, entry in entries.items():
            if entry is not None and not isinstance(entry, dict):
                self._fault((*here, key), "a mapping of fields")
                continue
            wishes.append(Wish(key, entry or {}, (*here, key)))
        return wishes

    def _object(self, value: Any, place: Place, known: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fault(place, "a mapping of fields")
            return {}
        for name in value:
            if name not in known:
                self._fault((*place, name), f"unknown; here can stand: {', '.join(known)}")
        return value

    def _checked(
        self, wish: Wish, model: type[BaseModel], body: Mapping[str, Any], further: Callable[[Any], object] | None = None
    ) -> Any:
        def run() -> Any:
            form = parse(model, body)
            if further is not None:
                further(form)
            return form

        return self._tried(wish, run)

    def _tried(self, wish: Wish, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except Invalid as error:
            self.faults += faults_of(self._source, wish, error)
            return None

    def _fault(self, place: Place, message: str) -> None:
        self.faults.append(self._source.fault(place, message))


def faults_of(source: Source, wish: Wish, error: Invalid) -> list[Fault]:
    """Pointers into a body as places in the file."""
    if not error.errors:
        return [source.fault(wish.place, error.public)]
    return [source.fault(pointed(wish.place, one.pointer), one.message) for one in error.errors]


def pointed(place: Place, pointer: str) -> Place:
    """RFC 6901 below that place."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return (*place, *(int(part) if part.isdigit() else part for part in parts))


def mapping_name(group: str, role: str, app: str | None) -> str:
    return f"{group} → {role}" + (f" in {app}" if app else "")


def _without_status(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Any state of the life cycle can be wished for; a new tenant begins in one of three, which the API says."""
    return {name: value for name, value in fields.items() if name != "status"}
