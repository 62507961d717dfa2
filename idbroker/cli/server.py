"""Running it: demo, serve, worker, migrate, doctor."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Annotated

import typer
import uvicorn
from sqlalchemy import MetaData
from sqlalchemy.exc import OperationalError

from idbroker import plugins
from idbroker.app import build_services
from idbroker.cli.answers import AsJson, Stop, open_services
from idbroker.demo.run import run_demo
from idbroker.doctor import examine
from idbroker.settings import load_settings
from idbroker.storage import schema
from idbroker.storage.cells import HOME
from idbroker.storage.dialect import Dialect
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.telemetry.tracing import TracingUnavailable, start_tracing

app = typer.Typer()


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
    _tracing()()
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
    services, stop_tracing = open_services(), _tracing()
    running = services.worker()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: running.stop())  # the turn under way is finished
    running.run_until_stopped()
    services.close()
    stop_tracing()


def _tracing() -> Callable[[], None]:
    try:
        return start_tracing()
    except TracingUnavailable as error:
        raise Stop(str(error)) from error


@app.command()
def migrate(*, check: Annotated[bool, typer.Option("--check", help="Only tell.")] = False) -> None:
    """Bring the schema to the newest version, and secure it."""
    settings = load_settings()
    plugins.load_tables()
    behind, away = False, []
    cells = zip(plugins.main_cells(settings), plugins.audit_cells(settings), strict=True)
    for main, audit in cells:
        for kind, plan, metadata in (("main", main, MAIN), ("audit", audit, AUDIT)):
            name = kind if plan.name == HOME else f"{plan.name} {kind}"
            try:
                current, newest = _brought_up(plan.dialect, metadata, check=check)
            except OperationalError as error:
                if plan.name == HOME:
                    raise
                away.append(name)
                typer.echo(f"{name}: does not answer: {error.orig}", err=True)
                continue
            behind = behind or current != newest
            typer.echo(f"{name}: at {current or 'nothing'}, newest is {newest}")
    if behind:
        raise Stop("the schema is behind. Run: idbroker migrate")
    if away:
        raise Stop(f"not reached: {', '.join(away)}. The others are done; run this again when they answer")


def _brought_up(dialect: Dialect, metadata: MetaData, *, check: bool) -> tuple[str | None, str | None]:
    """(the revision that it is at then, the newest)."""
    if not check:
        schema.migrate(dialect, metadata)
    engine = dialect.owner_engine()
    try:
        with engine.connect() as connection:
            return schema.revisions(connection, metadata)
    finally:
        engine.dispose()


@app.command()
def doctor() -> None:
    """Check the configuration, database, clock, keys, certificates and outbound rules; one line each."""
    healthy = True
    for check in examine(load_settings()):
        healthy = healthy and check.good
        typer.echo(f"{'ok  ' if check.good else 'FAIL'} {check.name}: {check.says}")
    raise typer.Exit(0 if healthy else 1)
