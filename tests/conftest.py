"""What every folder of tests shares: the two engines, a clock that stands still, a watch over what tests print and log."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog

from tests.support.clock import TestClock
from tests.support.databases import ENGINES, PostgresServer, Stores, open_stores, urls_for
from tests.support.leaks import watched

# As the program writes them. Those with the values of all variables, which structlog shows by itself, take seconds each.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that has shown a secret has failed."""
    report = yield
    if item.get_closest_marker("shows_secrets") is None:
        watched(report, item.nodeid)
    return report


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield server
    server.close()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=ENGINES)
def stores(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> Iterator[Stores]:
    """A migrated main database and audit store, on each engine in turn."""
    opened = open_stores(request.param, urls_for(request.param, tmp_path, request), clock)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_stores(tmp_path: Path, clock: TestClock, request: pytest.FixtureRequest) -> Iterator[Stores]:
    """The same on SQLite alone, for what does not depend on the engine."""
    opened = open_stores("sqlite", urls_for("sqlite", tmp_path, request), clock)
    yield opened
    opened.close()


@pytest.fixture
def postgres_stores(tmp_path: Path, clock: TestClock, request: pytest.FixtureRequest) -> Iterator[Stores]:
    """The same on PostgreSQL alone."""
    opened = open_stores("postgres", urls_for("postgres", tmp_path, request), clock)
    yield opened
    opened.close()
