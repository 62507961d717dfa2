"""Receipts of endings: what was taken from a person, and which apps have heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.people import known_user
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.sessions.revocations import LogoutDelivery, Revocation, Revocations
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute


class DeliveryDocument(Document):
    """``status`` is ``pending``, ``confirmed`` or ``failed``."""

    app: str
    session_id: str
    status: str
    attempts: int
    at: Time | None
    error: str | None


class RevocationDocument(Document):
    """``sessions`` and ``refresh_families`` are how many ended. ``completed_at`` is null while an app is still to be told."""

    id: str
    cause: str
    requested_at: Time
    sessions: int
    refresh_families: int
    deliveries: list[DeliveryDocument]
    completed_at: Time | None


class RevocationList(Document):
    """The newest hundred: never more than one page."""

    data: list[RevocationDocument]
    next_cursor: None = None


class RevocationCalls:
    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="list_revocations_of_user",
                area="Sessions",
                summary="What was ended of a person, newest first, and which apps have heard of it.",
                row=TenantRoute(
                    method="GET",
                    path=f"{TENANT}/users/{{user}}/revocations",
                    handler=self.all,
                    limit="admin_read",
                    permission=Permission.SESSIONS_READ,
                ),
                answer=RevocationList,
            ),
        ]

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        rows = unit[Revocations].of_user(known_user(call, unit).id)
        by_revocation: dict[str, list[LogoutDelivery]] = {}
        for delivery in unit[Revocations].deliveries([row.id for row in rows]):
            by_revocation.setdefault(delivery.revocation_id, []).append(delivery)
        return shown(RevocationList(data=[_document(row, by_revocation.get(row.id, ())) for row in rows]))


def _document(row: Revocation, deliveries: Sequence[LogoutDelivery]) -> RevocationDocument:
    return RevocationDocument(
        id=row.id,
        cause=row.cause,
        requested_at=row.requested_at,
        sessions=row.sessions,
        refresh_families=row.refresh_families,
        deliveries=[DeliveryDocument.model_validate({**one.model_dump(), "app": one.client_id}) for one in deliveries],
        completed_at=_completed(row, deliveries),
    )


def _completed(row: Revocation, deliveries: Sequence[LogoutDelivery]) -> datetime | None:
    """What is ended here is ended at once; the rest is when the last app has heard, or was given up."""
    if any(delivery.status == "pending" for delivery in deliveries):
        return None
    return max([row.requested_at, *(delivery.at for delivery in deliveries if delivery.at is not None)])
