"""Test sign-ins: a link that works once, and what came of it."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.connections import ONE, connection_id_of
from idbroker.admin_api.diagnoses import CONNECTION_QUERY
from idbroker.admin_api.findings import Report
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, listed, page_of, path_id
from idbroker.admin_api.shapes import Body, Document, Time
from idbroker.login.trial_rows import TrialSignIns
from idbroker.login.trials import Trials
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import TenantRoute

PATH = f"{TENANT}/test-sign-ins"


class TestWanted(Body):
    """``candidate``: go through that candidate and not through the live configuration."""

    candidate: str | None = None


class NewTestDocument(Document):
    """``url`` is shown this once, works once, and until ``expires_at``."""

    id: str
    url: str
    expires_at: Time


class RoleHeld(Document):
    """``app`` is null for a role in every app."""

    role: str
    app: str | None


class WouldBe(Document):
    user_id: str | None
    created: bool
    email: str | None
    display_name: str | None
    groups: list[str]
    roles: list[RoleHeld]


class Compared(Document):
    name: str
    kept: str | list[str] | None
    received: str | list[str] | None
    same: bool


class Comparison(Document):
    """The person who bears the same e-mail address now, beside what came."""

    user_id: str
    subjects: list[str]
    same_subject: bool
    attributes: list[Compared]


class TestReport(Report):
    """``person``: who it would be; null where admission refuses."""

    person: WouldBe | None
    comparison: Comparison | None


class TestLine(Document):
    id: str
    connection_id: str
    candidate_id: str | None
    state: Literal["created", "started", "passed", "failed"]
    code: str | None
    created_at: Time
    finished_at: Time | None


class TestDocument(TestLine):
    """``report`` is there once it is over."""

    report: TestReport | None


class TestSignInCalls:
    def __init__(self, trials: Trials) -> None:
        self._trials = trials

    def operations(self) -> list[Operation]:
        read, write = Permission.CONNECTIONS_READ, Permission.CONNECTIONS_WRITE
        return [
            Operation(
                name="create_test_sign_in",
                area="Connections",
                summary="A link that tries the connection, or a candidate, once: the real flow, nobody is signed in.",
                row=TenantRoute(
                    method="POST", path=f"{ONE}/test-sign-in", handler=self.create, limit="admin_write", permission=write
                ),
                body=TestWanted,
                answer=NewTestDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_test_sign_ins",
                area="Connections",
                summary="The test sign-ins of the last seven days, newest first.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=(*PAGE_QUERY, CONNECTION_QUERY),
                answer=TestLine,
                many=True,
            ),
            Operation(
                name="get_test_sign_in",
                area="Connections",
                summary="What a test sign-in found: checks, attributes, and who the person would be. It is personal data.",
                row=TenantRoute(method="GET", path=f"{PATH}/{{test}}", handler=self.get, limit="admin_read", permission=read),
                answer=TestDocument,
            ),
        ]

    def create(self, call: Call, unit: TenantUnit) -> Answer:
        wanted = read_body(call, TestWanted)
        trial, handle = self._trials.create(unit, connection_id_of(call), wanted.candidate)
        made = NewTestDocument(id=trial.id, url=f"{call.base_url}/test-sign-in/{handle}", expires_at=trial.link_expires_at)
        return json_answer(made.model_dump(mode="json"), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "tst")
        rows = unit[TrialSignIns].newest(connection_id=call.query.get("connection"), after=page.after, limit=page.fetch)
        shown = [self._trials.document(unit, row, whole=False) for row in rows[: page.limit]]
        return listed(shown, more=len(rows) > page.limit)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        row = self._trials.known(unit, path_id(call, "test", "tst", "test sign-in"))
        return json_answer(TestDocument.model_validate(self._trials.document(unit, row)).model_dump(mode="json"))
