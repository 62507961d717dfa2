"""The stored diagnoses of refused sign-ins: found by the reference that the person was shown, for a week."""

from __future__ import annotations

import re
from datetime import datetime

from idbroker.access.permissions import Permission
from idbroker.admin_api.findings import Report
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, bad_cursor, read_cursor, read_limit, write_cursor
from idbroker.admin_api.shapes import NO_CONTENT, Document, Time, shown
from idbroker.kernel.errors import NotFound
from idbroker.login.diagnoses import DiagnosisKeeper
from idbroker.login.diagnosis_rows import Diagnoses, Diagnosis
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import TenantRoute

PATH = f"{TENANT}/diagnoses"
ONE = f"{PATH}/{{reference}}"
REFERENCE = re.compile(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}")
CONNECTION_QUERY = QueryParameter(name="connection", description="Of that connection alone.")


class DiagnosisLine(Document):
    """``code`` as in the reference of errors. It is kept until ``until``."""

    reference: str
    connection_id: str
    code: str
    at: Time
    until: Time


class DiagnosisDocument(DiagnosisLine):
    report: Report


class DiagnosisCalls:
    def __init__(self, keeper: DiagnosisKeeper) -> None:
        self._keeper = keeper

    def operations(self) -> list[Operation]:
        read, write = Permission.CONNECTIONS_READ, Permission.CONNECTIONS_WRITE
        return [
            Operation(
                name="list_diagnoses",
                area="Diagnoses",
                summary="Refused sign-ins of the last seven days whose whole diagnosis is kept, newest first.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=(*PAGE_QUERY, CONNECTION_QUERY),
                answer=DiagnosisLine,
                many=True,
            ),
            Operation(
                name="get_diagnosis",
                area="Diagnoses",
                summary="One diagnosis by its reference: every check, the attributes, the message. It is personal data.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read),
                answer=DiagnosisDocument,
            ),
            Operation(
                name="redact_diagnosis",
                area="Diagnoses",
                summary="Remove a diagnosis before its time. The trail keeps that the sign-in was refused, and why.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.redact, limit="admin_write", permission=write),
                status=204,
            ),
        ]

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        limit = read_limit(call)
        rows = unit[Diagnoses].newest(connection_id=call.query.get("connection"), before=_position(call), limit=limit + 1)
        page = rows[:limit]
        more = len(rows) > limit
        return json_answer(
            {
                "data": [DiagnosisLine.model_validate(row).model_dump(mode="json") for row in page],
                "next_cursor": write_cursor(f"{page[-1].at.isoformat()}~{page[-1].reference}") if more else None,
            }
        )

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        row = self._keeper.known(unit, _reference(call))
        return shown(_document(row, Report.model_validate(self._keeper.open(unit, row))))

    def redact(self, call: Call, unit: TenantUnit) -> Answer:
        self._keeper.redact(unit, _reference(call))
        return NO_CONTENT


def _document(row: Diagnosis, report: Report) -> DiagnosisDocument:
    return DiagnosisDocument(
        reference=row.reference, connection_id=row.connection_id, code=row.code, at=row.at, until=row.until, report=report
    )


def _reference(call: Call) -> str:
    text = call.path_params["reference"]
    if not REFERENCE.fullmatch(text):
        raise NotFound("diagnosis")
    return text


def _position(call: Call) -> tuple[datetime, str] | None:
    """The last diagnosis of the page before. Raises Invalid for a cursor that is none of ours."""
    text = read_cursor(call)
    if text is None:
        return None
    at, _, reference = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise bad_cursor() from error
    if moment.tzinfo is None or not REFERENCE.fullmatch(reference):
        raise bad_cursor()
    return moment, reference
