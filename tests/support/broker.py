"""The features of the broker, wired as ``app.py`` does it, over a scripted IdP and a scripted DNS."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import URL, MetaData, TextClause, create_engine, text

from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.connections.domains import DomainService, txt_record
from idbroker.connections.model import Domain
from idbroker.connections.service import ConnectionForm, ConnectionService, new_connection_id
from idbroker.federation.contract import ConnectionConfig
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.login.finish import Finisher
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.login.logout_address import LogoutAddresses
from idbroker.login.refusals import RefusalRecorder
from idbroker.login.reuse import SessionFinder
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.tenants.lifecycle import Status
from idbroker.tenants.service import TenantService
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.logout_doubles import NothingIsMissing
from tests.support.scripted_idp import ScriptedIdp
from tests.support.world import MASTER_KEY, OPERATOR

LIFETIME = timedelta(minutes=15)


class Broker:
    def __init__(self, stores: Stores, clock: TestClock) -> None:
        self.stores = stores
        self.clock = clock
        self.database = stores.main
        self.idp = ScriptedIdp()
        self.txt: dict[str, list[str]] = {}
        self.envelope = Envelope(LocalMasterKeys([MASTER_KEY]))
        self.tenants = TenantService(self.envelope)
        self.domains = DomainService(lambda name: self.txt.get(name, []))
        self.connections = ConnectionService({self.idp.name: self.idp}, self.envelope)
        self.sessions = SessionService(self.envelope, lifetime=timedelta(hours=12))
        self.finisher = Finisher(self.database, self.sessions, clock)
        self.flow = LoginFlow(self.database, self.connections, self.finisher, clock, lifetime=LIFETIME)
        self.fetcher = NothingIsMissing()
        self.logout = LogoutFlow(
            self.database, self.connections, self.sessions, self.flow, LogoutAddresses(self.fetcher, clock)
        )
        self.finder = SessionFinder(self.database, self.sessions)
        self.recorder = RefusalRecorder(self.database)
        self.trail = Trail(stores.main, stores.audit)

    def tenant(self, slug: str, *domains: str, subdomains: bool = False) -> TenantScope:
        """A tenant with those domains verified."""
        with self.database.platform(OPERATOR) as platform:
            tenant = self.tenants.create(platform, slug=slug, name=slug.title(), tier="growth")
        scope = TenantScope(tenant.tenant_id, OPERATOR)
        for name in domains:
            self.domain(scope, name, subdomains=subdomains)
        return scope

    def domain(self, scope: TenantScope, name: str, *, subdomains: bool = False) -> str:
        with self.database.tenant(scope) as unit:
            row = self.domains.add(unit, name, include_subdomains=subdomains)
        record, value = txt_record(row)
        self.txt[record] = [value]
        return self.prove(scope, row.id).id

    def prove(self, scope: TenantScope, domain_id: str) -> Domain:
        """The two halves, with nothing open while the DNS is asked."""
        with self.database.tenant(scope, read_only=True) as unit:
            row = self.domains.known(unit, domain_id)
        self.domains.check_proof(row)
        with self.database.tenant(scope) as unit:
            return self.domains.accept(unit, domain_id)

    def connection(self, scope: TenantScope, **fields: Any) -> str:
        form = ConnectionForm(**{"type": "scripted", "name": "IdP", "issuer": "https://idp.example.com", **fields})
        made = new_connection_id()
        draft = self.connections.draft(form, made)
        with self.database.tenant(scope) as unit:
            self.connections.create(unit, form, made, draft)
        return made

    def config(self, scope: TenantScope, connection: str) -> ConnectionConfig:
        with self.database.tenant(scope, read_only=True) as unit:
            return self.connections.open(unit, self.connections.known(unit, connection))

    def transition(self, scope: TenantScope, to: Status) -> None:
        with self.database.platform(OPERATOR) as platform:
            self.tenants.transition(platform, scope.tenant, to, "test")

    def events(self, tenant: TenantId = PLATFORM_TRAIL, action: str | None = None) -> list[dict[str, Any]]:
        """What the trail of a tenant holds, newest first, everything that waited sealed before."""
        self.trail.seal_all()
        return self.trail.search(TenantScope(tenant, OPERATOR), TrailQuery(action=action, limit=1000))

    def actions(self, tenant: TenantId = PLATFORM_TRAIL) -> list[str]:
        """Oldest first."""
        return [event["action"] for event in reversed(self.events(tenant))]


def row_counts(stores: Stores) -> dict[str, int]:
    """Rows per table of both databases, counted past guard and policies. What waits for sealing counts as sealed."""
    found: dict[str, int] = {}
    for database, metadata, schema in ((stores.main, MAIN, "public"), (stores.audit, AUDIT, "audit")):
        for cell in database.each_cell():
            engine = cell.engine if stores.engine == "sqlite" else _superuser(cell.engine.url, schema)
            with engine.connect() as connection:
                for name, count in connection.execute(_counting(metadata)):
                    found[name] = found.get(name, 0) + count
            if engine is not cell.engine:
                engine.dispose()
    found["events"] = found.pop("outbox") + found.pop("audit_records")
    for follows in ("trail_heads", "audit_terms", "feed_head", "feed_order", "feed_events"):
        found.pop(follows)
    return found


@cache
def _counting(metadata: MetaData) -> TextClause:
    """All tables in one statement: most tests count twice."""
    return text(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in metadata.tables))


def _superuser(server: URL, schema: str) -> Any:
    url = server.set(drivername="postgresql+psycopg", username="postgres")
    return create_engine(url, connect_args={"options": f"-c search_path={schema} -c timezone=UTC"})


def second_process(stores: Stores, database: Database) -> Database:
    """The same database as another process would have opened it: an engine, a pool and a turn of its own."""
    dialect = type(database.dialect)
    if stores.engine == "sqlite":
        return Database(dialect(str(database.engine.url)), database.clock)
    schema = "audit" if database is stores.audit else "public"
    return Database(dialect(stores.urls.database, stores.urls.owner, schema=schema), database.clock)
