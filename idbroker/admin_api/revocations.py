"""Receipts of endings: what was taken from a person, and which apps have heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import path_id
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.directory.model import Users
from idbroker.kernel.errors import NotFound
from idbroker.sessions.revocations import LogoutDelivery, Revocation, Revocations
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

TIMES_OF = timedelta(days=30)
MOST_TIMES = 10_000


class DeliveryDocument(Document):
    """``status`` is ``pending``, ``confirmed`` or ``failed``; failed after no attempt: there is no way to tell that app."""

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


class RevocationTimesDocument(Document):
    """Of the endings of the last 30 days (the newest 10,000) of which an app was to hear and could. ``p50_ms`` and
    ``p99_ms``: from the request to the last app's confirmation, of those that every app confirmed; null when there are none."""

    endings: int
    confirmed: int
    pending: int
    failed: int
    p50_ms: int | None
    p99_ms: int | None


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
            Operation(
                name="get_revocation_times",
                area="Sessions",
                summary="How long it took until every app had heard that somebody is signed out: half of them, and 99 of 100.",
                row=TenantRoute(
                    method="GET",
                    path=f"{TENANT}/revocation-times",
                    handler=self.times,
                    limit="admin_read",
                    permission=Permission.SESSIONS_READ,
                ),
                answer=RevocationTimesDocument,
            ),
        ]

    def times(self, call: Call, unit: TenantUnit) -> Answer:
        del call
        found = unit[Revocations].times(unit.clock.now() - TIMES_OF, MOST_TIMES)
        took = [last - asked for asked, last, pending, failed in found if last is not None and not pending and not failed]
        spans = sorted(round(span.total_seconds() * 1000) for span in took)
        return shown(
            RevocationTimesDocument(
                endings=len(found),
                confirmed=len(spans),
                pending=sum(pending > 0 for _, _, pending, _ in found),
                failed=sum(failed > 0 for _, _, _, failed in found),
                p50_ms=percentile(spans, 50),
                p99_ms=percentile(spans, 99),
            )
        )

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        """Also of somebody who was deleted: the proof that his apps were told outlasts him."""
        user_id = path_id(call, "user", "usr")
        rows = unit[Revocations].of_user(user_id)
        if not rows and unit[Users].get(user_id) is None:
            raise NotFound("user")
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


def percentile(ordered: Sequence[int], share: int) -> int | None:
    """The smallest value that so many of 100 do not exceed (nearest rank). Pure."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else None
