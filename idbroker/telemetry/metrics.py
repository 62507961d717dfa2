"""Prometheus metrics. Labels are bounded: routes are the table's paths, never what a client typed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter("idbroker_requests", "HTTP requests answered.", ["route", "status"], registry=REGISTRY)
TENANT_REQUESTS = Counter(
    "idbroker_tenant_requests",
    "HTTP requests answered for a tenant that was recognised.",
    ["tenant_id", "status"],
    registry=REGISTRY,
)
SEALED = Counter("idbroker_trail_sealed", "Audit records sealed into the trail.", registry=REGISTRY)
STREAMED = Counter("idbroker_streamed", "Audit records that log streams' receivers took.", ["type"], registry=REGISTRY)
LIMITED = Counter(
    "idbroker_limited",
    "Requests near a limit (soft) or over it (hard).",
    ["limit", "level", "whose"],
    registry=REGISTRY,
)
SHARED_LIMITS = Gauge(
    "idbroker_limits_shared",
    "0 while Redis does not answer: each process limits by itself.",
    registry=REGISTRY,
)

LOGGED_OUT = Histogram(
    "idbroker_logout_complete_seconds",
    "From the ending of a person's sessions to the last app's confirmation.",
    ["tenant_id"],
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400, 43_200),
    registry=REGISTRY,
)
LOGOUT_FAILED = Counter("idbroker_logout_failed", "Apps that could not be told of an ending.", ["tenant_id"], registry=REGISTRY)
MAX_TENANTS = 200
_labelled: dict[str, None] = {}


def tenant_label(tenant: str) -> str:
    """The tenant itself for the first so many of a process, ``other`` for the rest: series cost memory at every reader."""
    if tenant not in _labelled and len(_labelled) < MAX_TENANTS:
        _labelled[tenant] = None
    return tenant if tenant in _labelled else "other"


def exposition() -> bytes:
    """The text format that Prometheus scrapes."""
    return generate_latest(REGISTRY)
