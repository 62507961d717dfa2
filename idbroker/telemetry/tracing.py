"""Traces by OpenTelemetry: one span for each request that is answered, each call to a server of others, and each job that did
something. They are told by the semantic conventions for HTTP, and bear ``tenant_id`` where a tenant was recognised.

The standard variables say where they go (``OTEL_TRACES_EXPORTER`` or an OTLP endpoint) and how (``OTEL_SERVICE_NAME``,
``OTEL_TRACES_SAMPLER``, ``OTEL_PROPAGATORS`` …). Nothing is traced, and nothing of OpenTelemetry imported, unless an exporter
is named. Of addresses no more is told than the route or the server: the rest may hold what is secret.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

Kind = Literal["SERVER", "CLIENT", "INTERNAL"]
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_tracer: Tracer | None = None


class TracingUnavailable(RuntimeError):
    """An exporter is named that this installation does not have."""


def exporter_named(environment: Mapping[str, str] = os.environ) -> str | None:
    """``otlp``, ``console`` or whatever else is named; None when nothing is to be traced."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not named and any(environment.get(name) for name in _ENDPOINTS):
        named = "otlp"
    return None if named in ("", "none") else named


def start_tracing(processor: SpanProcessor | None = None) -> Callable[[], None]:
    """Trace from now on, when an exporter is named or a processor given. Returns what ends it: what waits is sent.

    Raises TracingUnavailable.
    """
    named = exporter_named()
    if processor is None and named is None:
        return lambda: None
    try:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra, imported where it is wanted alone
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    except ImportError as error:
        raise TracingUnavailable("traces need more packages: pip install 'idbroker[otel]'") from error
    resource = Resource.create()  # as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "idbroker"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor or _processor(named or ""))
    global _tracer  # noqa: PLW0603 - one per process, as the registry of metrics is
    _tracer = provider.get_tracer("idbroker")

    def stop() -> None:
        global _tracer  # noqa: PLW0603
        _tracer = None
        provider.shutdown()

    return stop


def _processor(named: str) -> SpanProcessor:
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415
        BatchSpanProcessor,
        ConsoleSpanExporter,
        SimpleSpanProcessor,
    )

    if named == "console":
        return SimpleSpanProcessor(ConsoleSpanExporter())
    if named != "otlp":
        raise TracingUnavailable(f"OTEL_TRACES_EXPORTER is {named!r}; there are otlp, console and none")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return BatchSpanProcessor(OTLPSpanExporter())


class Traced:
    """A span under way, or none where nothing is traced."""

    def __init__(self, span: Span | None = None) -> None:
        self._span = span
        self._wanted = True

    def tell(self, name: str, value: str | int) -> None:
        if self._span is not None:
            self._span.set_attribute(name, value)

    def fail(self, code: str) -> None:
        """It went wrong, and by which name of ours."""
        if self._span is not None:
            from opentelemetry.trace import StatusCode  # noqa: PLC0415

            self._span.set_attribute("error.type", code)
            self._span.set_status(StatusCode.ERROR)

    def drop(self) -> None:
        """There was nothing worth telling."""
        self._wanted = False

    def end(self) -> None:
        if self._span is not None and self._wanted:
            self._span.end()


@contextmanager
def traced(
    name: str, kind: Kind, attributes: Mapping[str, str | int], caller: Mapping[str, str] | None = None
) -> Iterator[Traced]:
    """A span around what is done. ``caller``: headers of a request, which may name the trace that it belongs to."""
    if _tracer is None:
        yield Traced()
        return
    from opentelemetry import propagate, trace  # noqa: PLC0415

    parent = propagate.extract(caller) if caller is not None else None
    span = _tracer.start_span(name, context=parent, kind=trace.SpanKind[kind], attributes=attributes)
    told = Traced(span)
    with (
        structlog.contextvars.bound_contextvars(trace_id=f"{span.get_span_context().trace_id:032x}"),
        trace.use_span(span, record_exception=False, set_status_on_exception=False),
    ):
        try:
            yield told
        finally:
            told.end()


def called_out(method: str, url: str) -> dict[str, str | int]:
    """What is told of a call to a server of others."""
    parts = urlsplit(url)
    told: dict[str, str | int] = {"http.request.method": method, "server.address": parts.hostname or ""}
    return told if parts.port is None else {**told, "server.port": parts.port}
