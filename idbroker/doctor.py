"""``idbroker doctor``: what could keep this installation from working, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from idbroker.app import Services, build_services
from idbroker.connections.model import Connections
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.settings import BadSettings, Settings
from idbroker.storage.cells import HOME, CellAway
from idbroker.storage.schema import SchemaBehind
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.move_rows import TenantMoves

SOON = timedelta(days=30)
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    good: bool
    says: str


def examine(settings: Settings) -> Iterator[Check]:
    """Every check in turn. Stops after the first one without which the others make no sense."""
    yield _public_url(settings)
    try:
        services = build_services(settings)
    except (BadSettings, SchemaBehind, LookupError) as error:
        yield Check("start", good=False, says=str(error))
        return
    except SQLAlchemyError as error:
        yield Check("database", good=False, says=f"cannot be used: {getattr(error, 'orig', error)}")
        return
    try:
        yield Check("master key", good=True, says=f"{len(settings.master_keys())} configured")
        yield Check("database", good=True, says=f"{services.database.dialect.name}, schema and policies are in order")
        yield from _cells(services)
        yield from _moves(services)
        yield _clock(services)
        yield _signing_keys(services)
        yield from _certificates(services)
        allowed = ", ".join(map(str, settings.outbound_allow)) or "no private ranges"
        yield Check("outbound", good=True, says=f"public addresses and {allowed}")
    finally:
        services.close()


def _public_url(settings: Settings) -> Check:
    if settings.is_https:
        return Check("public URL", good=True, says=settings.public_url)
    return Check(
        "public URL", good=True, says=f"{settings.public_url} is plain http: right for a laptop, not for people's sign-ins"
    )


def _cells(services: Services) -> Iterator[Check]:
    """One line per cell beside home, whose databases were looked at already when they answered."""
    for main, store in zip(services.database.each_cell(), services.trail.store.each_cell(), strict=True):
        if main.name == HOME:
            continue
        place = main.plan.region or "no region said"
        if not (services.database.answers(main) and services.trail.store.answers(store)):
            yield Check(f"cell {main.name}", good=False, says="its databases do not answer; its tenants are away")
            continue
        new = "takes new tenants" if main.plan.new_tenants else "takes tenants by name"
        yield Check(
            f"cell {main.name}", good=True, says=f"{main.dialect.name}, {place}, {new}, schema and policies are in order"
        )


def _moves(services: Services) -> Iterator[Check]:
    """One line per tenant that is between two cells. One that cannot be written to is wrong, unless it is for a moment."""
    with services.database.platform(SYSTEM, read_only=True) as unit:
        rows = unit[TenantMoves].open()
    for row in rows:
        kept = f"lives in {row.target}, {row.source} keeps the old copy: --finish or --undo"
        stopped = f"{row.state} from {row.source} to {row.target} since {row.changed_at.isoformat(timespec='seconds')}"
        says = kept if row.state == "switched" else f"{stopped}: if nobody is at it, --resume or --undo"
        yield Check(f"move of {row.tenant}", good=row.state in ("copying", "switched"), says=says)


def _clock(services: Services) -> Check:
    now = services.clock.now()
    says = f"{now.isoformat(timespec='seconds')}"
    return Check("clock", good=now > RELEASED, says=says if now > RELEASED else f"{says} is before this program was made")


def _signing_keys(services: Services) -> Check:
    found = sorted({key.algorithm for key in services.keys.verifiers(PLATFORM_TRAIL)})
    return Check("signing keys", good=bool(found), says=f"shared issuer: {', '.join(found)}")


def _certificates(services: Services) -> Iterator[Check]:
    """One line per connection whose IdP certificates, or whose client secret, have all expired or end within 30 days."""
    checked, away, after = 0, 0, None
    while True:
        with services.database.platform(SYSTEM, read_only=True) as unit:
            page = unit[Tenants].page(after=after, limit=200)
        for tenant in page:
            try:
                found = _ends(services, tenant)
            except CellAway:
                away += 1
                continue
            for what, name, ends in found:
                checked += 1
                if ends < services.clock.now() + SOON:
                    yield Check(what, good=False, says=f"{tenant.slug}, {name}: ends {ends.date().isoformat()}")
        if len(page) < 200:
            break
        after = page[-1].id
    missing = f"; not those of {away} tenants, whose cell does not answer" if away else ""
    yield Check("certificates", good=True, says=f"{checked} ends of certificates and client secrets looked at{missing}")


def _ends(services: Services, tenant: Tenant) -> list[tuple[str, str, datetime]]:
    """(what it is, connection name, end of its longest-lived certificate or of its client secret)."""
    found: list[tuple[str, str, datetime]] = []
    with services.database.tenant(TenantScope(tenant.tenant_id, SYSTEM), read_only=True) as unit:
        for row in unit[Connections].active():
            upkeep = services.connections.upkeep(row.type)
            certificates, secret = upkeep.certificates(row.settings), upkeep.secret_ends(row.settings)
            if certificates:
                found.append(("certificate", row.name, max(one.not_after for one in certificates)))
            if secret is not None:
                found.append(("client secret", row.name, secret))
    return found
