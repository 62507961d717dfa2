"""Sign-ins as the tenant's admins look at them: every one that came as far as this tenant, allowed or refused, how it went.

They are read from the sealed trail: the one event that a sign-in writes holds its steps. The whole diagnosis of a refused
answer is found beside it, for a week, under the same reference.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.audit_events import before_of, moment_of
from idbroker.admin_api.diagnoses import REFERENCE
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, read_limit, write_cursor
from idbroker.admin_api.shapes import Document, shown
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.ids import is_id
from idbroker.kernel.scope import TenantScope
from idbroker.login.diagnosis_rows import Diagnoses
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import ScopedRoute

OUTCOMES = {"allowed": "sign_in.succeeded", "refused": "sign_in.refused"}
MAX_WORD = 100

FILTERS = (
    QueryParameter(name="email", description="The address that was typed, or that the identity provider asserted; whole."),
    QueryParameter(name="reference", description="What the person was shown, `XXXX-XXXX`."),
    QueryParameter(name="connection", description="Through that connection."),
    QueryParameter(name="user", description="Of that person."),
    QueryParameter(name="outcome", description="Only these.", schema={"type": "string", "enum": list(OUTCOMES)}),
    QueryParameter(name="since", description="From then on.", schema={"type": "string", "format": "date-time"}),
    QueryParameter(name="until", description="Before then.", schema={"type": "string", "format": "date-time"}),
)


class StepDocument(Document):
    """``ms``: since the step before."""

    step: Literal["begun", "sent", "answered", "ended"]
    at: str
    ms: int


class SignInDocument(Document):
    """``route`` is the rule by which the connection was found. ``email``: as asserted, else as typed. ``code`` as in the
    reference of errors."""

    id: str
    at: str
    outcome: Literal["allowed", "refused"]
    email: str | None
    login_hint: str | None
    user_id: str | None
    session_id: str | None
    connection_id: str | None
    protocol: str | None
    app: str | None
    route: str | None
    reference: str | None
    code: str | None
    detail: str | None
    ip: str | None
    user_agent: str | None
    steps: list[StepDocument]
    duration_ms: int | None


class WholeSignInDocument(SignInDocument):
    """``findings``: the checks that failed; ``checks``: of one that was allowed, those that passed. ``diagnosis``: whether
    `…/diagnoses/{reference}` has all of them still."""

    findings: list[dict[str, Any]]
    checks: list[str]
    diagnosis: bool


class SignInCalls:
    def __init__(self, database: Database, trail: Trail) -> None:
        self._database = database
        self._trail = trail

    def operations(self) -> list[Operation]:
        path, read = f"{TENANT}/sign-ins", Permission.AUDIT_READ
        one = f"{path}/{{sign_in}}"
        return [
            Operation(
                name="list_sign_ins",
                area="Sign-ins",
                summary="Every sign-in, allowed or refused, newest first: its steps, and where it was sent and why.",
                row=ScopedRoute(method="GET", path=path, handler=self.all, limit="admin_read", permission=read),
                query=(*FILTERS, *PAGE_QUERY),
                answer=SignInDocument,
                many=True,
            ),
            Operation(
                name="get_sign_in",
                area="Sign-ins",
                summary="One sign-in, by its id or by the reference that the person was shown, with what was found wrong.",
                row=ScopedRoute(method="GET", path=one, handler=self.get, limit="admin_read", permission=read),
                answer=WholeSignInDocument,
            ),
        ]

    def all(self, call: Call, scope: TenantScope) -> Answer:
        """A page may be short and yet have a next one."""
        outcome = call.query.get("outcome")
        if outcome is not None and outcome not in OUTCOMES:
            raise invalid_field("/outcome", f"The outcomes are: {', '.join(OUTCOMES)}.")
        query = TrailQuery(
            actions=(OUTCOMES[outcome],) if outcome else tuple(OUTCOMES.values()),
            words=tuple(word for name in ("reference", "email", "user", "connection") if (word := _word(call, name))),
            since=moment_of(call, "since"),
            until=moment_of(call, "until"),
            before=before_of(call),
            limit=read_limit(call),
        )
        found = self._trail.page(scope, query)
        cursor = write_cursor(str(found.before)) if found.before is not None and found.before > 1 else None
        data = [SignInDocument(**_fields(record)).model_dump(mode="json") for record in found.records]
        return json_answer({"data": data, "next_cursor": cursor})

    def get(self, call: Call, scope: TenantScope) -> Answer:
        name = call.path_params["sign_in"]
        record = self._known(scope, name)
        if record is None:
            raise NotFound("sign-in")
        reference = record["context"].get("reference")
        with self._database.tenant(scope, read_only=True) as unit:
            diagnosed = reference is not None and unit[Diagnoses].get(reference) is not None
        findings = record["context"].get("findings") or []
        checks = (record["context"].get("checks") or {}).get("passed") or []
        return shown(WholeSignInDocument(**_fields(record), findings=findings, checks=checks, diagnosis=diagnosed))

    def _known(self, scope: TenantScope, name: str) -> dict[str, Any] | None:
        if is_id(name, "aud"):
            record = self._trail.record(scope, name)
            return record if record is not None and record["action"] in OUTCOMES.values() else None
        reference = name.upper()  # it is read out and typed
        if REFERENCE.fullmatch(reference):
            query = TrailQuery(resource=reference, action=OUTCOMES["refused"], limit=1)
            return next(iter(self._trail.search(scope, query)), None)
        return None


def _word(call: Call, name: str) -> str | None:
    text = (call.query.get(name) or "").strip()
    if len(text) > MAX_WORD:
        raise invalid_field(f"/{name}", f"{name} has at most {MAX_WORD} characters.")
    return text or None


def _fields(record: dict[str, Any]) -> dict[str, Any]:
    context, resource, allowed = record["context"], record["resource"], record["action"] == OUTCOMES["allowed"]
    steps = _steps(context.get("steps") or [], record["ts"])
    return {
        "id": record["id"],
        "at": record["ts"],
        "outcome": "allowed" if allowed else "refused",
        "email": (resource["name"] if allowed else None) or context.get("email") or context.get("login_hint"),
        "user_id": resource["id"] if allowed else None,
        "session_id": record["session_id"],
        "protocol": record["auth_method"],
        "ip": record["actor"]["ip"],
        "user_agent": record["actor"]["user_agent"],
        "steps": steps,
        "duration_ms": sum(step["ms"] for step in steps) if steps else None,
        **{name: context.get(name) for name in ("login_hint", "connection_id", "app", "route", "reference", "code", "detail")},
    }


def _steps(noted: list[dict[str, str]], end: str) -> list[dict[str, Any]]:
    """With the milliseconds that each took, and the end, which the record itself is."""
    if not noted:
        return []
    found: list[dict[str, Any]] = []
    before: datetime | None = None
    for step in [*noted, {"step": "ended", "at": end}]:
        at = datetime.fromisoformat(step["at"])
        took = 0 if before is None else max(0, round((at - before).total_seconds() * 1000))
        found.append({"step": step["step"], "at": step["at"], "ms": took})
        before = at
    return found
