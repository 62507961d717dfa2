"""Compares what is wished for with what is, and brings it about: in the order in which things need each other.

Everything is found by its name, read with its version, and changed against that version: whoever edits at the same time is
not overwritten, the run stops and can be repeated. A second run finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from idbroker.admin_api.body import parse
from idbroker.admin_api.tenants import NewTenant, OwnLimits
from idbroker.declared.administration import Administration, Json, Refused, Reply, at, pages
from idbroker.declared.shape import Declaration, TenantWish, Wish, faults_of, mapping_name, pointed
from idbroker.declared.source import Fault, Source
from idbroker.declared.steps import HIDDEN, Action, Step
from idbroker.kernel.errors import Conflict, Invalid
from idbroker.tenants.lifecycle import check_path

REHEARSAL = {"dry_run": "true"}


class Stopped(Exception):
    """It went so far and no further. What was done is done; the run can be repeated."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Thing:
    """What a step is about."""

    kind: str
    tenant: str | None
    wish: Wish

    def step(self, action: Action, changes: Mapping[str, tuple[Any, Any]] | None = None, notes: tuple[str, ...] = ()) -> Step:
        return Step(self.kind, self.tenant, self.wish.name, action, changes or {}, notes)


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret that the API shows this once."""

    kind: str
    name: str
    id: str
    secret: str


class Bringing:
    """``tell`` hears of every step as it is taken, ``keep`` of every secret."""

    def __init__(
        self,
        api: Administration,
        source: Source,
        *,
        dry_run: bool,
        prune: bool,
        tell: Callable[[Step], None],
        keep: Callable[[Shown], None],
        reason: str = "declared in a file",
    ) -> None:
        self._api = api
        self._source = source
        self._dry = dry_run
        self._prune = prune
        self._tell = tell
        self._keep = keep
        self._reason = reason
        self._tenants: dict[str, str | None] = {}
        """Slug → id; None for one that a dry run would make."""
        self._apps: dict[str, str | None] = {}

    def run(self, wished: Declaration) -> None:
        """Raises Stopped."""
        for tenant in wished.tenants:
            self._tenant(tenant.itself)
        for tenant in wished.tenants:
            self._domains(tenant)
            self._connections(tenant)
        self._all_apps(wished.apps)
        for tenant in wished.tenants:
            self._directories(tenant)
            self._role_mappings(tenant)
        self._webhooks(wished.webhooks)

    # Tenants

    def _tenant(self, wish: Wish) -> None:
        thing, live = Thing("tenant", None, wish), self._maybe(wish, at("tenants", wish.name))
        fields = dict(wish.fields)
        if "limits" in fields:
            fields["limits"] = OwnLimits.model_validate(fields["limits"] or {}).stored()
        if live is None:
            body = {"name": wish.name, "tier": "free", **wish.fields, "slug": wish.name}
            self._check_new(wish, body)
            self._tenants[wish.name] = self._create(thing, "/tenants", body)
            return
        document, path = live.document, at("tenants", live.document["id"])
        self._tenants[wish.name] = document["id"]
        status = fields.pop("status", document["status"])
        if status != document["status"]:
            self._check_path(wish, document["status"], status)
        changes = _differing(document, fields)
        self._update(thing, path, live, changes)
        if status != document["status"]:
            changes["status"] = (document["status"], status)
            if not self._dry:
                self._asked(wish, "POST", f"{path}/transitions", {"to": status, "reason": self._reason})
        self._tell_of(thing, changes)

    def _check_new(self, wish: Wish, body: Mapping[str, Any]) -> None:
        """Which states a tenant can begin in, said before anything is done, and in a dry run too."""
        try:
            parse(NewTenant, body)
        except Invalid as error:
            raise Stopped(faults_of(self._source, wish, error)) from error

    def _check_path(self, wish: Wish, current: str, wanted: str) -> None:
        try:
            check_path(current, wanted)
        except Conflict as error:
            raise self._stopped(Wish(wish.name, {}, (*wish.place, "status")), error.public) from error

    # Within a tenant

    def _domains(self, tenant: TenantWish) -> None:
        for wish, live in self._matched(tenant, "domain", "domains", tenant.domains, key="domain"):
            thing, subdomains = Thing("domain", tenant.itself.name, wish), bool(wish.fields.get("include_subdomains", False))
            accept, path = wish.fields.get("accept"), self._below(tenant, "domains")
            if live is None:
                body = {"domain": wish.name, "include_subdomains": subdomains}
                made = self._create(thing, path, body, note=_txt_note if accept is None else None)
                if made is not None and accept is not None:
                    self._accept(wish, f"{path}{at(made)}", accept)
                continue
            if "include_subdomains" in wish.fields and live["include_subdomains"] != subdomains:
                raise self._stopped(wish, "include_subdomains of a domain that is there cannot change; remove the domain first")
            pending = live["status"] == "pending" and accept is not None
            if pending and not self._dry:
                self._accept(wish, f"{path}{at(live['id'])}", str(accept))
            self._tell_of(thing, {"status": ("pending", "verified")} if pending else {})

    def _accept(self, wish: Wish, path: str, reason: str) -> None:
        self._asked(wish, "POST", f"{path}/verify", {"force": True, "reason": reason})

    def _connections(self, tenant: TenantWish) -> None:
        path = self._below(tenant, "connections")
        for wish, live in self._matched(tenant, "connection", "connections", tenant.connections, key="name"):
            thing, body = Thing("connection", tenant.itself.name, wish), {**wish.fields, "name": wish.name}
            if live is None:
                if self._dry and self._tenants[tenant.itself.name] is not None:
                    self._asked(wish, "POST", path, body, query=REHEARSAL)  # what cannot be made is said now
                self._create(thing, path, body, note=_addresses_note)
                continue
            body |= {name: _whole(live[name], body[name]) for name in ("options", "attribute_mapping") if name in body}
            one = f"{path}{at(live['id'])}"
            before = self._asked(wish, "GET", one)
            after = self._asked(wish, "PATCH", one, body, query=REHEARSAL, version=before.version)
            if after.version == before.version:
                self._tell_of(thing, {})
                continue
            changes = {
                name: (before.document.get(name), value)
                for name, value in after.document.items()
                if name not in ("updated_at", "warnings") and before.document.get(name) != value
            }
            if not self._dry:
                self._asked(wish, "PATCH", one, body, version=before.version)
            self._tell_of(thing, changes or {"secret or keys": (HIDDEN, HIDDEN)})

    def _directories(self, tenant: TenantWish) -> None:
        path, names = self._below(tenant, "directories"), None
        for wish, live in self._matched(tenant, "directory", "directories", tenant.directories, key="name"):
            fields = {name: value for name, value in wish.fields.items() if name != "connection"}
            if "connection" in wish.fields:
                names = names if names is not None else self._connection_ids(tenant)
                fields["connection_id"] = self._connection_id(wish, names, tenant)
            thing = Thing("directory", tenant.itself.name, wish)
            if live is None:
                self._create(thing, path, {**fields, "name": wish.name})
            else:
                self._compared(thing, f"{path}{at(live['id'])}", fields)

    def _role_mappings(self, tenant: TenantWish) -> None:
        if tenant.role_mappings is None:
            return
        slug, path = tenant.itself.name, self._below(tenant, "role-mappings")
        names = {app_id: name for name, app_id in self._known_apps().items() if app_id is not None}
        rows = self._listed(path, tenant.itself) if self._tenants[slug] is not None else []
        live = {mapping_name(row["group"], row["role"], names.get(row["app"], row["app"])): row for row in rows}
        for wish in tenant.role_mappings:
            thing = Thing("role mapping", slug, wish)
            if wish.name in live:
                self._tell_of(thing, {})
                continue
            app = wish.fields.get("app")
            if app is not None and app not in self._known_apps():
                raise self._stopped(Wish(wish.name, {}, (*wish.place, "app")), f"there is no app “{app}”")
            body = {"group": wish.fields["group"], "role": wish.fields["role"]}
            self._create(thing, path, body | ({"app": self._known_apps()[app]} if app else {}))
        for name, row in live.items():
            if self._prune and name not in {wish.name for wish in tenant.role_mappings}:
                self._remove("role mapping", tenant.itself, name, f"{path}{at(row['id'])}")

    # The operator's own

    def _all_apps(self, wished: list[Wish] | None) -> None:
        if wished is None:
            return
        live = self._by_name(self._listed("/apps", None), "name")
        for wish in wished:
            fields = dict(wish.fields)
            if isinstance(fields.get("tenants"), list):
                fields["tenants"] = self._tenant_ids(wish, fields["tenants"])
            found = self._only(wish, live.get(wish.name, []))
            thing = Thing("app", None, wish)
            if found is None:
                self._apps[wish.name] = self._create(thing, "/apps", {**fields, "name": wish.name})
            else:
                self._apps[wish.name] = found["client_id"]
                self._compared(thing, at("apps", found["client_id"]), fields)
        for row in self._surplus(live, wished):
            self._remove("app", None, row["name"], at("apps", row["client_id"]))

    def _webhooks(self, wished: list[Wish] | None) -> None:
        if wished is None:
            return
        live = self._by_name(self._listed("/webhooks", None), "url")
        for wish in wished:
            fields = dict(wish.fields)
            if isinstance(fields.get("tenants"), list):
                fields["tenants"] = self._tenant_ids(wish, fields["tenants"])
            found = self._only(wish, live.get(wish.name, []))
            thing = Thing("webhook", None, wish)
            if found is None:
                self._create(thing, "/webhooks", {**fields, "url": wish.name})
            else:
                self._compared(thing, at("webhooks", found["id"]), fields)
        for row in self._surplus(live, wished):
            self._remove("webhook", None, row["url"], at("webhooks", row["id"]))

    # What the families share

    def _matched(
        self, tenant: TenantWish, kind: str, collection: str, wished: list[Wish] | None, *, key: str
    ) -> Iterable[tuple[Wish, Json | None]]:
        """Each wish with what is there under its name, then the rest, pruned."""
        if wished is None:
            return
        slug, path = tenant.itself.name, self._below(tenant, collection)
        live = self._by_name(self._listed(path, tenant.itself) if self._tenants[slug] is not None else [], key)
        for wish in wished:
            yield wish, self._only(wish, live.get(wish.name, []))
        for row in self._surplus(live, wished):
            self._remove(kind, tenant.itself, row[key], f"{path}{at(row['id'])}")

    def _surplus(self, live: Mapping[str, list[Json]], wished: list[Wish]) -> list[Json]:
        names = {wish.name for wish in wished}
        return [row for name, rows in live.items() if name not in names for row in rows] if self._prune else []

    def _create(
        self, thing: Thing, path: str, body: Mapping[str, Any], *, note: Callable[[Json], list[str]] | None = None
    ) -> str | None:
        """The id of what was made, None where nothing is made."""
        if self._dry:
            self._tell(thing.step("create"))
            return None
        made = self._asked(thing.wish, "POST", path, body).document
        its_id = str(made.get("client_id") or made["id"])
        self._tell(thing.step("create", notes=tuple(note(made) if note is not None else ())))
        secret = made.get("client_secret") or made.get("secret")
        if isinstance(secret, str):
            self._keep(Shown(thing.kind, thing.wish.name, its_id, secret))
        return its_id

    def _compared(self, thing: Thing, path: str, fields: Mapping[str, Any]) -> None:
        reply = self._asked(thing.wish, "GET", path)
        changes = _differing(reply.document, fields)
        self._update(thing, path, reply, changes)
        self._tell_of(thing, changes)

    def _update(self, thing: Thing, path: str, reply: Reply, changes: Mapping[str, tuple[Any, Any]]) -> None:
        """Write the fields that differ, against the version that they were compared with."""
        if changes and not self._dry:
            body = {name: after for name, (_, after) in changes.items()}
            self._asked(thing.wish, "PATCH", path, body, version=reply.version)

    def _tell_of(self, thing: Thing, changes: Mapping[str, tuple[Any, Any]]) -> None:
        shown = self._showable(thing.wish, changes)
        self._tell(thing.step("update" if shown else "unchanged", shown))

    def _showable(self, wish: Wish, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
        hidden = {name for name in changes if self._source.is_secret((*wish.place, name))}
        return {name: (HIDDEN, HIDDEN) if name in hidden else pair for name, pair in changes.items()}

    def _remove(self, kind: str, tenant: Wish | None, name: str, path: str) -> None:
        if not self._dry:
            self._asked(tenant or Wish(name, {}, ()), "DELETE", path)
        self._tell(Step(kind, None if tenant is None else tenant.name, name, "remove"))

    def _below(self, tenant: TenantWish, collection: str) -> str:
        return at("tenants", self._tenants[tenant.itself.name] or tenant.itself.name, collection)

    def _connection_ids(self, tenant: TenantWish) -> Mapping[str, list[Json]]:
        if self._tenants[tenant.itself.name] is None:
            return {}
        return self._by_name(self._listed(self._below(tenant, "connections"), tenant.itself), "name")

    def _connection_id(self, wish: Wish, live: Mapping[str, list[Json]], tenant: TenantWish) -> str | None:
        name = wish.fields["connection"]
        if name is None:
            return None
        reference = Wish(name, {}, (*wish.place, "connection"))
        found = self._only(reference, live.get(name, []))
        if found is not None:
            return str(found["id"])
        if self._dry and name in {one.name for one in tenant.connections or ()}:
            return None
        raise self._stopped(reference, f"there is no connection “{name}” in this tenant")

    def _tenant_ids(self, wish: Wish, slugs: list[Any]) -> list[str]:
        found = []
        for number, slug in enumerate(slugs):
            place = Wish(wish.name, {}, (*wish.place, "tenants", number))
            if slug not in self._tenants:
                live = self._maybe(place, at("tenants", str(slug)))
                if live is None:
                    raise self._stopped(place, f"there is no tenant “{slug}”")
                self._tenants[str(slug)] = live.document["id"]
            found.append(self._tenants[str(slug)] or str(slug))
        return found

    def _known_apps(self) -> Mapping[str, str | None]:
        if "" not in self._apps:
            self._apps = {row["name"]: row["client_id"] for row in self._listed("/apps", None)} | self._apps | {"": None}
        return self._apps

    def _by_name(self, rows: Iterable[Json], key: str) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for row in rows:
            found.setdefault(row[key], []).append(row)
        return found

    def _only(self, wish: Wish, rows: list[Json]) -> Json | None:
        if len(rows) > 1:
            raise self._stopped(wish, f"{len(rows)} are called “{wish.name}”; names are keys here, rename all but one")
        return rows[0] if rows else None

    # Asking

    def _listed(self, path: str, around: Wish | None) -> list[Json]:
        try:
            return list(pages(self._api, path))
        except Refused as error:
            raise Stopped([Fault(around.place if around else (), None, error.detail)]) from error

    def _maybe(self, wish: Wish, path: str) -> Reply | None:
        try:
            return self._api.send("GET", path)
        except Refused as error:
            if error.status == 404:
                return None
            raise Stopped([self._source.fault(wish.place, error.detail)]) from error

    def _asked(
        self, wish: Wish, method: str, path: str, body: Mapping[str, Any] | None = None, *,
        query: Mapping[str, str] | None = None, version: str = "",
    ) -> Reply:  # fmt: skip
        try:
            return self._api.send(method, path, body, query=query, version=version)
        except Refused as error:
            faults = [self._source.fault(pointed(wish.place, one.pointer), one.message) for one in error.errors]
            raise Stopped(faults or [self._source.fault(wish.place, error.detail)]) from error

    def _stopped(self, wish: Wish, message: str) -> Stopped:
        return Stopped([self._source.fault(wish.place, message)])


def _differing(live: Mapping[str, Any], wished: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Of the fields that are wished for, those that are another. Within an object, those members that are named."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in wished.items():
        now = live.get(name)
        if isinstance(value, dict) and isinstance(now, dict):
            if any(now.get(member) != wanted for member, wanted in value.items()):
                found[name] = ({member: now.get(member) for member in value}, value)
        elif now != value:
            found[name] = (now, value)
    return found


def _whole(live: Mapping[str, Any], wished: Mapping[str, Any] | None) -> dict[str, Any]:
    """An object that is given is given whole: its other members go back to their defaults (RFC 7396: null takes one away)."""
    return {**dict.fromkeys(live), **(wished or {})}


def _txt_note(made: Json) -> list[str]:
    record = made["txt_record"]
    return [f"to prove it, publish TXT {record['name']} with the value {record['value']}"]


def _addresses_note(made: Json) -> list[str]:
    ours = made.get("sp") or made.get("rp") or {}
    return [f"{name}: {ours[name]}" for name in ("entity_id", "acs_url", "redirect_uri") if name in ours]
