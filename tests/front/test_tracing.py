"""What is traced, what of it is told, and that nothing is when no exporter is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from idbroker.kernel.clock import SystemClock
from idbroker.outbound.fetcher import FetchFailed, GuardedFetcher
from idbroker.telemetry import metrics, tracing
from idbroker.telemetry.metrics import exposition
from idbroker.traced_fetcher import TracedFetcher
from idbroker.worker import Job, Worker
from tests.support.databases import Stores
from tests.support.front_world import front_world

export = pytest.importorskip("opentelemetry.sdk.trace.export")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans() -> Iterator[Any]:
    exporter = memory.InMemorySpanExporter()
    stop = tracing.start_tracing(export.SimpleSpanProcessor(exporter))
    yield exporter.get_finished_spans
    stop()


def test_a_request_is_a_span_that_bears_its_tenant_and_nothing_secret(
    sqlite_stores: Stores, spans: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(metrics, "_labelled", {})  # other tests have named their tenants
    world = front_world(sqlite_stores)
    scope = world.tenant("acme", "acme.example")
    world.connection(scope)
    sent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    answer = world.browser().request("GET", "/sso?email=alice@acme.example", headers=sent)
    [span] = spans()
    assert (span.name, span.kind.name, f"{span.context.trace_id:032x}") == ("GET /sso", "SERVER", TRACE)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/sso",
        "http.response.status_code": 302,
        "request_id": answer.headers["x-request-id"],
        "tenant_id": scope.tenant,
    }
    assert f'idbroker_tenant_requests_total{{status="3xx",tenant_id="{scope.tenant}"}}' in exposition().decode()


def test_what_has_no_tenant_bears_none(sqlite_stores: Stores, spans: Any):
    front_world(sqlite_stores).browser().get("/sso")
    [span] = spans()
    assert "tenant_id" not in span.attributes


def test_calls_to_others_are_told_by_server_and_outcome(spans: Any):
    fetcher = TracedFetcher(GuardedFetcher(()))
    with pytest.raises(FetchFailed):
        fetcher.get("http://127.0.0.1:9/secret?code=hidden", accept="*/*")
    fetcher.close()
    [span] = spans()
    assert (span.name, span.kind.name, span.status.status_code.name) == ("GET", "CLIENT", "ERROR")
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": 9,
        "error.type": "outbound_blocked",
    }


def test_jobs_that_did_something_are_told(spans: Any):
    def fails() -> int:
        raise LookupError

    every = timedelta(minutes=1)
    Worker([Job("idle", every, lambda: 0), Job("busy", every, lambda: 2), Job("broken", every, fails)], SystemClock()).run_due()
    assert [(span.name, span.status.status_code.name) for span in spans()] == [("busy", "UNSET"), ("broken", "ERROR")]


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "broker"}, None),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "Console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "TRUE"}, None),
    ],
)
def test_an_exporter_must_be_named(environment: Mapping[str, str], named: str | None):
    assert tracing.exporter_named(environment) == named


def test_nothing_of_opentelemetry_is_imported_when_nothing_is_traced():
    program = (
        "import sys, idbroker.app; from idbroker.telemetry.tracing import start_tracing; start_tracing()();"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    run = subprocess.run([sys.executable, "-c", program], env=kept, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_exporter_that_there_is_not_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(tracing.TracingUnavailable, match="otlp, console and none"):
        tracing.start_tracing()
