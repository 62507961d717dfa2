"""Alive, ready, measured: what load balancers and Prometheus ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from idbroker.access.permissions import Permission
from idbroker.limits.names import UNLIMITED
from idbroker.storage.unit import PlatformUnit
from idbroker.telemetry.metrics import exposition
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import ErrorFace, OpenRoute, PlatformRoute, Row

Probe = Callable[[], str | None]
"""Answers what is wrong, in words an operator can act on and that hold no secret; None when all is well."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

log = structlog.get_logger("idbroker.web")


def health_rows(
    probes: Mapping[str, Probe], errors: ErrorFace, helpers: Mapping[str, Callable[[], bool]] | None = None
) -> list[Row]:
    """``probes`` by the name that ``/readyz`` shows: database, schema, keys. ``helpers``: what we can do without, and whether
    we must just now."""

    def ready(call: Call) -> Answer:
        found = {name: _checked(name, probe, call) for name, probe in probes.items()}
        problems = {name: text for name, text in found.items() if text is not None}
        document = {
            "status": "not ready" if problems else "ready",
            "checks": {name: text or "ok" for name, text in found.items()},
            "degraded": [name for name, missing in (helpers or {}).items() if missing()],
        }
        return json_answer(document, 503 if problems else 200)

    return [
        OpenRoute(method="GET", path="/healthz", handler=_alive, limit=UNLIMITED, errors=errors, inline=True),
        OpenRoute(method="GET", path="/readyz", handler=ready, limit=UNLIMITED, errors=errors, inline=False),
        PlatformRoute(method="GET", path="/metrics", handler=_metrics, limit="admin_read", permission=Permission.OPERATE_KEYS),
    ]


def _alive(call: Call) -> Answer:
    del call
    return json_answer({"status": "alive"})


def _metrics(call: Call, unit: PlatformUnit) -> Answer:
    del call, unit
    return Answer(200, exposition(), METRICS_TYPE)


def _checked(name: str, probe: Probe, call: Call) -> str | None:
    """A probe that raises has found something too; the cause, which may name hosts and users, goes to the log alone."""
    try:
        return probe()
    except Exception as error:
        log.exception("probe failed", probe=name, request_id=call.request_id)
        return f"failed with {type(error).__name__}; the log has more under {call.request_id}"
