"""Prometheus metrics. Labels are bounded: routes are the table's paths, never what a client typed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter("idbroker_requests", "HTTP requests answered.", ["route", "status"], registry=REGISTRY)
SEALED = Counter("idbroker_trail_sealed", "Audit records sealed into the trail.", registry=REGISTRY)


def exposition() -> bytes:
    """The text format that Prometheus scrapes."""
    return generate_latest(REGISTRY)
