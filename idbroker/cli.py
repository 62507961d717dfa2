"""The command line: ``idbroker …``. Answers go to stdout, everything said about them to stderr."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
from sqlalchemy.exc import OperationalError

from idbroker import plugins
from idbroker.access.api_keys import ApiKeys
from idbroker.access.permissions import ROLES
from idbroker.app import Services, build_services
from idbroker.audit.export import write_pack
from idbroker.audit.outbox import Outbox
from idbroker.audit.verify import verify_pack
from idbroker.demo.run import run_demo
from idbroker.doctor import examine
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.keys.signing import ALGORITHMS, Algorithm
from idbroker.settings import BadSettings, load_settings
from idbroker.storage import schema
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.storage.unit import PlatformUnit
from idbroker.telemetry.logs import set_up_logs
from idbroker.tenants.lifecycle import Status, Tier
from idbroker.tenants.model import Tenant, Tenants

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The B2B identity broker.")
keys_app = typer.Typer(no_args_is_help=True, help="API keys.")
tenant_app = typer.Typer(no_args_is_help=True, help="Tenants and their life cycle.")
signing_app = typer.Typer(no_args_is_help=True, help="The keys that sign tokens.")
audit_app = typer.Typer(no_args_is_help=True, help="The audit trail.")
app.add_typer(keys_app, name="keys")
app.add_typer(tenant_app, name="tenant")
app.add_typer(signing_app, name="signing-keys")
app.add_typer(audit_app, name="audit")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
TenantName = Annotated[str, typer.Option("--tenant", help="Slug or id.")]


class Stop(Exception):
    """A command cannot do what it was asked. The message says why and what to do."""


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Another one is taken when it is in use.")] = 8080, *, as_json: AsJson = False
) -> None:
    """A whole working world on embedded parts: broker, two demo identity providers, a demo app."""
    raise typer.Exit(run_demo(port, as_json))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """The server. Refuses to start without a master key, or on a schema that is behind."""
    build_services(load_settings()).close()  # whatever is wrong is said here, once, not by each process
    uvicorn.run(
        "idbroker.app:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )


@app.command()
def worker() -> None:
    """The background jobs. `serve` on SQLite runs them by itself; with PostgreSQL any number of these may run."""
    services = _services()
    running = services.worker()
    try:
        running.run_until_stopped()
    except KeyboardInterrupt:
        running.stop()
    finally:
        services.close()


@app.command()
def migrate(*, check: Annotated[bool, typer.Option("--check", help="Only tell.")] = False) -> None:
    """Bring the schema to the newest version, and secure it."""
    settings = load_settings()
    plugins.load_tables()
    behind = False
    for name, dialect, metadata in (
        ("main", plugins.main_dialect(settings), MAIN),
        ("audit", plugins.audit_dialect(settings), AUDIT),
    ):
        if not check:
            schema.migrate(dialect, metadata)
        engine = dialect.owner_engine()
        with engine.connect() as connection:
            current, newest = schema.revisions(connection, metadata)
        engine.dispose()
        behind = behind or current != newest
        typer.echo(f"{name}: at {current or 'nothing'}, newest is {newest}")
    if behind:
        raise Stop("the schema is behind. Run: idbroker migrate")


@app.command()
def doctor() -> None:
    """Check the configuration, database, clock, keys, certificates and outbound rules; one line each."""
    healthy = True
    for check in examine(load_settings()):
        healthy = healthy and check.good
        typer.echo(f"{'ok  ' if check.good else 'FAIL'} {check.name}: {check.says}")
    raise typer.Exit(0 if healthy else 1)


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[str, typer.Option(help="operator or tenant.")],
    tenant: Annotated[str | None, typer.Option(help="Slug or id, with --scope tenant.")] = None,
    role: Annotated[str, typer.Option(help=f"With --scope tenant: {', '.join(ROLES)}.")] = "admin",
) -> None:
    """Make an API key and print it, alone, on stdout, once."""
    if scope not in ("operator", "tenant"):
        raise Stop("--scope is operator or tenant")
    if (scope == "tenant") != (tenant is not None):
        raise Stop("--tenant goes with --scope tenant, and only with it")
    if scope == "tenant" and role not in ROLES:
        raise Stop(f"--role is one of: {', '.join(ROLES)}")
    services = _services()
    with services.database.platform(_operator()) as unit:
        owner = _known(unit, tenant).tenant_id if tenant else None
        row, key = unit[ApiKeys].create(name, owner, role if owner else "operator")  # type: ignore[arg-type] # checked above
        event = Event("api_key.created", Resource("api_key", row.id, name), context={"role": row.role})
        if owner is None:
            unit.own_trail()[Outbox].record(event)
        else:
            with unit.enter(TenantScope(owner, _operator())) as inside:
                inside[Outbox].record(event)
    services.close()
    typer.echo(key)


@tenant_app.command("create")
def tenant_create(
    slug: Annotated[str, typer.Option(help="Lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="What people call it.")],
    tier: Annotated[str, typer.Option(help="free, growth or enterprise.")] = "free",
    status: Annotated[str, typer.Option(help="prospect, trial or active.")] = "trial",
    region: Annotated[str | None, typer.Option(help="Where its data should be.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a tenant."""
    if tier not in ("free", "growth", "enterprise") or status not in ("prospect", "trial", "active"):
        raise Stop("--tier is free, growth or enterprise; --status is prospect, trial or active")
    checked_tier: Tier = tier  # type: ignore[assignment] # checked above
    checked_status: Status = status  # type: ignore[assignment] # checked above
    services = _services()
    with services.database.platform(_operator()) as unit:
        tenant = services.tenants.create(unit, slug=slug, name=name, tier=checked_tier, status=checked_status, region=region)
    _show([_document(tenant)], as_json=as_json, single=True)


@tenant_app.command("list")
def tenant_list(*, as_json: AsJson = False) -> None:
    """All tenants."""
    services, documents, after = _services(), [], None
    while True:
        with services.database.platform(_operator(), read_only=True) as unit:
            page = unit[Tenants].page(after=after, limit=200)
        documents += [_document(tenant) for tenant in page]
        if len(page) < 200:
            break
        after = page[-1].id
    _show(documents, as_json=as_json)


@tenant_app.command("show")
def tenant_show(tenant: Annotated[str, typer.Argument(help="Slug or id.")], *, as_json: AsJson = False) -> None:
    """One tenant."""
    with _services().database.platform(_operator(), read_only=True) as unit:
        _show([_document(_known(unit, tenant))], as_json=as_json, single=True)


@tenant_app.command("suspend")
def tenant_suspend(
    tenant: Annotated[str, typer.Argument(help="Slug or id.")],
    reason: Annotated[str, typer.Option(help="Goes into the tenant's trail.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Pause a tenant: nobody signs in."""
    _transition(tenant, "paused", reason, as_json=as_json)


@tenant_app.command("resume")
def tenant_resume(
    tenant: Annotated[str, typer.Argument(help="Slug or id.")],
    reason: Annotated[str, typer.Option(help="Goes into the tenant's trail.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a paused tenant active again."""
    _transition(tenant, "active", reason, as_json=as_json)


@signing_app.command("list")
def signing_list(
    tenant: Annotated[str | None, typer.Option(help="Slug or id; without it, the shared issuer.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """The keys that an issuer publishes."""
    services = _services()
    verifiers = services.keys.verifiers(_issuer(services, tenant))
    _show([{"kid": key.kid, "algorithm": key.algorithm} for key in verifiers], as_json=as_json)


@signing_app.command("rotate")
def signing_rotate(
    tenant: Annotated[str | None, typer.Option(help="Slug or id; without it, the shared issuer.")] = None,
    algorithm: Annotated[str | None, typer.Option(help="RS256, ES256 or EdDSA; without it, all.")] = None,
) -> None:
    """Let a new key sign from now on; the old one stays published until its last token has expired."""
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise Stop(f"--algorithm is one of: {', '.join(ALGORITHMS)}")
    chosen: tuple[Algorithm, ...] = (algorithm,) if algorithm else ALGORITHMS  # type: ignore[assignment] # checked above
    services = _services()
    owner = _issuer(services, tenant)
    services.keys.verifiers(owner)
    for each in chosen:
        typer.echo(f"{each}: {services.keys.rotate(owner, each)}")


@audit_app.command("export")
def audit_export(tenant: TenantName, out: Annotated[Path, typer.Option(help="The pack to write.")]) -> None:
    """Write a tenant's whole trail as a pack that can be checked offline."""
    services = _services()
    with services.database.platform(_operator(), read_only=True) as unit:
        owner = _known(unit, tenant).tenant_id
    services.trail.seal(owner)
    with out.open("wb") as file:
        count = write_pack(services.trail, TenantScope(owner, _operator()), file)
    typer.echo(f"{count} records in {out}")


@audit_app.command("verify")
def audit_verify(file: Annotated[Path, typer.Argument(help="A pack made by `audit export`.")]) -> None:
    """Check an exported pack offline: no database, no network."""
    verdict = verify_pack(file)
    typer.echo(str(verdict))
    raise typer.Exit(0 if verdict.good else 1)


def main() -> None:
    """Entry point: errors that a person can do something about are one line on stderr, and a non-zero exit."""
    try:
        app()
    except (Stop, BadSettings, schema.SchemaBehind, LookupError) as error:
        _fail(str(error))
    except Refusal as refusal:
        _fail(refusal.public)
    except OperationalError as error:
        _fail(f"the database cannot be used: {error.orig}")


def _fail(message: str) -> NoReturn:
    print(f"idbroker: {message}", file=sys.stderr)
    sys.exit(1)


def _services() -> Services:
    set_up_logs("console")
    return build_services(load_settings())


def _operator() -> Actor:
    return Actor(type="operator", name=f"{getpass.getuser()} (command line)")


def _known(unit: PlatformUnit, slug_or_id: str) -> Tenant:
    tenant = unit[Tenants].find(slug_or_id)
    if tenant is None:
        raise Stop(f"there is no tenant “{slug_or_id}”. See: idbroker tenant list")
    return tenant


def _issuer(services: Services, tenant: str | None) -> TenantId:
    if tenant is None:
        return PLATFORM_TRAIL
    with services.database.platform(_operator(), read_only=True) as unit:
        return _known(unit, tenant).tenant_id


def _transition(slug_or_id: str, to: Status, reason: str, *, as_json: bool) -> None:
    services = _services()
    with services.database.platform(_operator()) as unit:
        tenant = services.tenants.transition(unit, _known(unit, slug_or_id).tenant_id, to, reason)
    _show([_document(tenant)], as_json=as_json, single=True)


def _document(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "slug": tenant.slug,
        "name": tenant.name,
        "tier": tenant.tier,
        "status": tenant.status,
        "region": tenant.region,
        "created_at": rfc3339(tenant.created_at),
    }


def _show(documents: list[dict[str, Any]], *, as_json: bool, single: bool = False) -> None:
    if as_json:
        typer.echo(json.dumps(documents[0] if single else documents))
        return
    for document in documents:
        typer.echo("  ".join(str(value) for value in document.values() if value is not None))


if __name__ == "__main__":
    main()
