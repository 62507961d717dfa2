"""The plug board: every replaceable part by name. Adding a protocol or a database is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from pydantic import SecretStr
from sqlalchemy import make_url

from idbroker.federation.contract import FederationProtocol, Protocols
from idbroker.federation.upkeep import Upkeep, Upkeeps
from idbroker.kernel.clock import Clock
from idbroker.keys.master import LocalMasterKeys, MasterKey, MasterKeys
from idbroker.limits.contract import Buckets
from idbroker.limits.limiter import Limiter
from idbroker.limits.stores.memory import MemoryBuckets
from idbroker.outbound.fetcher import Fetcher
from idbroker.saml_upkeep import SamlUpkeep
from idbroker.settings import BadSettings, CellSettings, Settings
from idbroker.storage.cells import HOME, CellPlan
from idbroker.storage.dialect import Dialect
from idbroker.storage.dialects.postgres import PostgresDialect
from idbroker.storage.dialects.sqlite import SqliteDialect
from idbroker.streams.contract import Doors, Sink
from idbroker.streams.forms import StreamType
from idbroker.streams.sinks.datadog import DatadogSink
from idbroker.streams.sinks.elastic import ElasticSink
from idbroker.streams.sinks.file import FileSink
from idbroker.streams.sinks.https import HttpsSink
from idbroker.streams.sinks.splunk import SplunkSink
from idbroker.streams.sinks.syslog import SyslogSink
from oidc.relying_party.protocol import OidcProtocol
from oidc.relying_party.upkeep import OidcUpkeep
from saml.protocol import SamlProtocol

LIMIT_STORES: Mapping[str, str] = {
    "redis": "idbroker.limits.stores.redis:RedisBuckets",
    "rediss": "idbroker.limits.stores.redis:RedisBuckets",
    "unix": "idbroker.limits.stores.redis:RedisBuckets",
}
"""Scheme of IDBROKER_REDIS_URL → what keeps the shared limits; imported only when it is asked for."""

KEY_SERVICES: dict[str, str] = {"awskms": "idbroker.keys.aws_kms:open_aws_kms"}
"""Scheme of a master key in IDBROKER_MASTER_KEY → what opens the key service; imported only when it is asked for."""

TABLES = (
    "idbroker.access.admin_roles",
    "idbroker.access.api_keys",
    "idbroker.access.kept_answers",
    "idbroker.admins.operator_tenant",
    "idbroker.admins.operators",
    "idbroker.admins.passkeys",
    "idbroker.admins.sessions",
    "idbroker.admins.setup_links",
    "idbroker.admins.tenant_admins",
    "idbroker.alerts.model",
    "idbroker.apps.model",
    "idbroker.audit.feed",
    "idbroker.audit.following",
    "idbroker.audit.heads",
    "idbroker.audit.outbox",
    "idbroker.audit.records",
    "idbroker.audit.trail",
    "idbroker.connections.alias_rows",
    "idbroker.connections.candidate_rows",
    "idbroker.connections.model",
    "idbroker.connections.notice_rows",
    "idbroker.connections.refresh_rows",
    "idbroker.connections.reservations",
    "idbroker.directories.model",
    "idbroker.directories.resource_rows",
    "idbroker.directories.traffic_rows",
    "idbroker.directory.model",
    "idbroker.directory.nesting",
    "idbroker.erasure.receipts",
    "idbroker.keys.envelope",
    "idbroker.keys.person_keys",
    "idbroker.keys.signing",
    "idbroker.keys.trail_keys",
    "idbroker.login.attempt",
    "idbroker.login.diagnosis_rows",
    "idbroker.login.logout_attempt",
    "idbroker.login.replay",
    "idbroker.login.trial_rows",
    "idbroker.metering.model",
    "idbroker.outbound_scim.model",
    "idbroker.provisioning.signalled",
    "idbroker.sessions.jti",
    "idbroker.sessions.model",
    "idbroker.sessions.pushed",
    "idbroker.sessions.refresh",
    "idbroker.sessions.revocations",
    "idbroker.signals.model",
    "idbroker.signals.sources",
    "idbroker.storage.fences",
    "idbroker.streams.model",
    "idbroker.survey.model",
    "idbroker.tenants.branding",
    "idbroker.tenants.model",
    "idbroker.tenants.move_rows",
    "idbroker.webhooks.model",
)
"""Every module that maps a table; a test finds the ones that are missing."""

SINKS: Mapping[StreamType, Callable[[Doors], Sink]] = {
    "https": HttpsSink,
    "splunk_hec": SplunkSink,
    "datadog": DatadogSink,
    "elastic": ElasticSink,
    "syslog": SyslogSink,
    "file": FileSink,
}
"""Type of a log stream → what speaks to its receiver."""

PROTOCOLS: tuple[Callable[[str, Clock, Fetcher], FederationProtocol], ...] = (SamlProtocol, OidcProtocol)
UPKEEPS: Mapping[str, Callable[[str, Clock, Fetcher], Upkeep]] = {"saml": SamlUpkeep, "oidc": OidcUpkeep}


def load_tables() -> None:
    """Make every table known to its metadata."""
    for module in TABLES:
        import_module(module)


def protocols(base_url: str, clock: Clock, fetcher: Fetcher) -> Protocols:
    made = (factory(base_url, clock, fetcher) for factory in PROTOCOLS)
    return {protocol.name: protocol for protocol in made}


def upkeeps(base_url: str, clock: Clock, fetcher: Fetcher) -> Upkeeps:
    """Of the protocols whose connections need looking after."""
    return {name: factory(base_url, clock, fetcher) for name, factory in UPKEEPS.items()}


def sinks(doors: Doors) -> Mapping[str, Sink]:
    return {name: factory(doors) for name, factory in SINKS.items()}


def limiter(settings: Settings, clock: Clock) -> Limiter:
    """Limits of this process, and beside them those that replicas share where IDBROKER_REDIS_URL names a place. Raises
    BadSettings for an address that cannot be one; that nobody answers there is no reason not to start."""
    return Limiter(MemoryBuckets(clock), _shared_buckets(settings), clock)


def master_key(settings: Settings) -> MasterKey:
    """The master keys of IDBROKER_MASTER_KEY as one. Raises BadSettings, for none too."""
    keys = [LocalMasterKeys([key]) if isinstance(key, bytes) else _key_service(key) for key in settings.master_keys()]
    if not keys:
        raise BadSettings(
            "IDBROKER_MASTER_KEY is not set. Make one with: openssl rand -base64 32. Keep it safe: it opens all data"
        )
    return MasterKeys(keys)


def _key_service(key: str) -> MasterKey:
    scheme, _, name = key.partition(":")
    if scheme not in KEY_SERVICES:
        raise BadSettings(f"IDBROKER_MASTER_KEY: {scheme} is no key service. There are: {', '.join(KEY_SERVICES)}")
    module, _, opener = KEY_SERVICES[scheme].partition(":")
    try:
        factory: Callable[[str], MasterKey] = getattr(import_module(module), opener)
        return factory(name)
    except ImportError as error:
        raise BadSettings("IDBROKER_MASTER_KEY names a key of AWS KMS, which needs the extra: install idbroker[aws]") from error
    except ValueError as error:
        raise BadSettings(f"IDBROKER_MASTER_KEY: {error}") from error


def _shared_buckets(settings: Settings) -> Buckets | None:
    if settings.redis_url is None:
        return None
    url = settings.redis_url.get_secret_value()
    scheme = url.partition("://")[0]
    if scheme not in LIMIT_STORES:
        raise BadSettings("IDBROKER_REDIS_URL is not a Redis address. Use redis://host:6379/0, rediss:// or unix://")
    module, _, name = LIMIT_STORES[scheme].partition(":")
    try:
        factory: Callable[[str], Buckets] = getattr(import_module(module), name)
    except ImportError as error:
        raise BadSettings("IDBROKER_REDIS_URL needs the extra: install idbroker[redis]") from error
    try:
        return factory(url)
    except ValueError as error:
        raise BadSettings("IDBROKER_REDIS_URL cannot be read. Use redis://user:password@host:6379/0") from error


LOCK_SECONDS = 10
"""With several cells: no database sees that a wait goes round through another one, so none waits for longer."""


@dataclass(frozen=True, slots=True)
class _Address:
    """A cell's databases as they are configured. ``setting``: the name to blame."""

    setting: str
    main: str
    main_owner: str | None
    audit: str | None
    audit_owner: str | None


def main_dialect(settings: Settings) -> Dialect:
    """The main database's engine, by the scheme of IDBROKER_DATABASE_URL. Raises BadSettings."""
    return _main(settings, _home(settings))


def audit_dialect(settings: Settings) -> Dialect:
    """The audit store's engine: as named, else a second file (SQLite) or the schema ``audit`` (PostgreSQL)."""
    return _audit(settings, _home(settings))


def main_cells(settings: Settings) -> list[CellPlan]:
    """The main databases, home first; home alone where no others are configured. Raises BadSettings."""
    return _plans(settings, _main)


def audit_cells(settings: Settings) -> list[CellPlan]:
    """The audit stores, one for each of the main databases."""
    return _plans(settings, _audit)


def _plans(settings: Settings, dialect: Callable[[Settings, _Address], Dialect]) -> list[CellPlan]:
    others = {name: cell for name, cell in settings.cells.items() if name != HOME}
    home = settings.cells.get(HOME, CellSettings())
    plans = [CellPlan(HOME, home.region, home.new_tenants is not False, dialect(settings, _home(settings)))]
    for name, cell in others.items():
        place = _Address(
            f"IDBROKER_CELLS ({name})",
            _text(cell.database_url) or "",
            _text(cell.database_owner_url),
            _text(cell.audit_database_url),
            _text(cell.audit_database_owner_url),
        )
        plans.append(CellPlan(name, cell.region, bool(cell.new_tenants), dialect(settings, place)))
    return plans


def _home(settings: Settings) -> _Address:
    return _Address(
        "IDBROKER_DATABASE_URL",
        settings.database_url.get_secret_value(),
        _text(settings.database_owner_url),
        _text(settings.audit_database_url),
        _text(settings.audit_database_owner_url),
    )


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _main(settings: Settings, place: _Address) -> Dialect:
    return _dialect(settings, place.setting, place.main, place.main_owner, "public")


def _audit(settings: Settings, place: _Address) -> Dialect:
    if place.audit is not None:
        name = place.setting.replace("IDBROKER_DATABASE_URL", "IDBROKER_AUDIT_DATABASE_URL")
        return _dialect(settings, name, place.audit, place.audit_owner, "public")
    if _scheme(place.setting, place.main) == "sqlite":
        file = make_url(place.main).database
        beside = f"{(file or '').removesuffix('.db')}-audit.db" if file and file != ":memory:" else ":memory:"
        return SqliteDialect(f"sqlite:///{beside}", pool=settings.database_pool)
    return _dialect(settings, place.setting, place.main, place.main_owner, "audit")


def _dialect(settings: Settings, name: str, url: str, owner: str | None, schema: str) -> Dialect:
    if _scheme(name, url) == "sqlite":
        return SqliteDialect(url, pool=settings.database_pool)
    lock = LOCK_SECONDS if any(cell != HOME for cell in settings.cells) else None
    return PostgresDialect(url, owner, schema=schema, pool=settings.database_pool, lock_seconds=lock)


def _scheme(name: str, url: str) -> str:
    try:
        scheme = make_url(url).get_backend_name()
    except Exception as error:
        raise BadSettings(f"{name} is not a database URL. Use sqlite:///path or postgresql://user@host/name") from error
    if scheme not in ("sqlite", "postgresql", "postgres"):
        raise BadSettings(f"{name}: {scheme} is not supported. Use sqlite:///path or postgresql://user@host/name")
    return scheme
