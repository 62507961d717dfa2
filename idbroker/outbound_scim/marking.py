"""From the feed to what is to be pushed: every user and group that an event tells of, for every app that wants to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from idbroker.apps.model import App, Apps
from idbroker.audit.events import noun_of
from idbroker.audit.feed import FeedEntry
from idbroker.audit.following import follow
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.retrying import GIVE_UP_AFTER
from idbroker.outbound_scim.model import GROUP, USER, ScimPush, ScimPushes, ScimTarget, ScimTargets
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit

NAME = "outbound_scim"
PAGE = 500


def mark_changed(database: Database) -> int:
    """Note what has changed since the last time; how many events it went through."""
    return follow(database, NAME, _mark)


def _mark(platform: PlatformUnit, entries: Sequence[FeedEntry]) -> None:
    targets = [(target, platform[Apps].get(target.app_id)) for target in platform[ScimTargets].all()]
    for tenant, mine in _by_tenant(entries).items():
        apps = [target.app_id for target, app in targets if reaches(target, app, tenant)]
        if apps:
            with platform.enter(TenantScope(tenant, SYSTEM)) as unit:
                changed = _with_outer_groups(unit, mine)
                for app_id in apps:
                    for (kind, resource_id), position in changed.items():
                        unit[ScimPushes].ask(push_of(unit, app_id, kind, resource_id, position))
                    unit[ScimPushes].wake(app_id)


def _with_outer_groups(unit: TenantUnit, entries: Sequence[FeedEntry]) -> dict[tuple[str, str], int]:
    """(kind, id) → position. Whoever comes into a group or leaves it does so in the groups around it, too."""
    changed: dict[tuple[str, str], int] = {}
    for entry in entries:
        kind = noun_of(entry.type)
        changed[kind, entry.subject] = entry.position
        if kind == GROUP:
            changed.update({(GROUP, outer): entry.position for outer in unit[ScimPushes].around(entry.subject)})
    return changed


def mark_all(unit: TenantUnit, app_id: str, position: int) -> int:
    """Everything of a tenant is pushed anew, whatever was pushed before; people first. How much it is.

    What the app was once told of and is no longer here is asked for too: it is deleted at the app.
    """
    count = 0
    for kind in (USER, GROUP):
        after: str | None = None
        while page := unit[ScimPushes].ids(kind, after, PAGE):
            for resource_id in page:
                unit[ScimPushes].ask(push_of(unit, app_id, kind, resource_id, position), again=True)
            count, after = count + len(page), page[-1]
            unit.session.flush()
    after = None
    while known := unit[ScimPushes].page(app_id, status="done", after=after, limit=PAGE):
        for row in known:
            unit[ScimPushes].ask(push_of(unit, app_id, row.kind, row.resource_id, position), again=True)
        count, after = count + len(known), known[-1].resource_id
        unit.session.flush()
    unit[ScimPushes].wake(app_id)
    return count


def reaches(target: ScimTarget, app: App | None, tenant: TenantId) -> bool:
    """Whether the app is pushed that tenant's people: it serves the tenant, and its configuration includes it."""
    return app is not None and app.serves(tenant) and (target.tenants is None or tenant in target.tenants)


def push_of(unit: TenantUnit, app_id: str, kind: str, resource_id: str, position: int) -> ScimPush:
    now = unit.clock.now()
    return ScimPush(
        tenant_id=unit.scope.tenant,
        app_id=app_id,
        kind=kind,
        resource_id=resource_id,
        position=position,
        due_at=now,
        give_up_at=now + GIVE_UP_AFTER,
    )


def _by_tenant(entries: Sequence[FeedEntry]) -> dict[TenantId, list[FeedEntry]]:
    """Of users and groups, the last event of each, in order."""
    found: dict[TenantId, dict[tuple[str, str], FeedEntry]] = {}
    for entry in entries:
        kind = noun_of(entry.type)
        if kind in (USER, GROUP):
            of_tenant = found.setdefault(TenantId(entry.tenant_id), {})
            of_tenant.pop((kind, entry.subject), None)
            of_tenant[kind, entry.subject] = entry
    return {tenant: list(_values(latest.values())) for tenant, latest in found.items()}


def _values(entries: Iterable[FeedEntry]) -> Iterable[FeedEntry]:
    return sorted(entries, key=lambda entry: entry.position)
