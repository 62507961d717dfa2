"""Setup links: what a customer's IT admin gets. Bound to a tenant and to scopes, hashed, expiring, revocable, resumable.

What was chosen and typed behind a link is kept with it, so that the work can go on in another browser, another day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Index, and_, not_
from sqlmodel import Field, col, select

from idbroker.access.permissions import Permission
from idbroker.admins.operators import LinkGone
from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import Conflict, Invalid, NotFound
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.sessions.handles import Handle, new_handle
from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit

SetupScope = Literal["domains", "sso", "scim", "audit", "log_streams"]
SCOPES: Mapping[SetupScope, frozenset[Permission]] = {
    "domains": frozenset({Permission.DOMAINS_READ, Permission.DOMAINS_WRITE}),
    "sso": frozenset(
        {Permission.CONNECTIONS_READ, Permission.CONNECTIONS_WRITE, Permission.PEOPLE_READ, Permission.ROLES_WRITE}
    ),
    "scim": frozenset({Permission.DIRECTORIES_READ, Permission.DIRECTORIES_WRITE, Permission.PEOPLE_READ}),
    "audit": frozenset({Permission.AUDIT_READ}),
    "log_streams": frozenset({Permission.LOG_STREAMS_READ, Permission.LOG_STREAMS_WRITE}),
}
"""What each scope lets the bearer do."""

DEFAULT_LIFE = timedelta(days=14)
MAX_LIFE = timedelta(days=90)
MAX_LIVE = 50
MAX_STATE = 400_000
"""Characters of JSON: a metadata document and little else."""


class SetupLink(TenantRow, table=True):
    """``state`` is what was chosen and typed so far; nothing secret is in it."""

    __tablename__ = "setup_links"
    __table_args__ = (Index("uq_setup_links_tenant_id_digest", "tenant_id", "digest", unique=True),)

    id: str = Field(primary_key=True)
    digest: str
    scopes: list[str] = Field(sa_type=JsonColumn)
    state: dict[str, Any] = Field(sa_type=JsonColumn)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    completed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now

    @property
    def permissions(self) -> frozenset[Permission]:
        granted = {permission for scope, held in SCOPES.items() if scope in self.scopes for permission in held}
        return frozenset({Permission.TENANT_READ, *granted})


class SetupLinks(TenantRepository):
    def add(self, row: SetupLink) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, link_id: str) -> SetupLink | None:
        return self.keyed(SetupLink, link_id)

    def presented(self, handle: Handle) -> SetupLink | None:
        """The live link of that secret."""
        row = self.session.execute(select(SetupLink).where(SetupLink.digest == handle.digest)).scalars().first()
        return row if row is not None and row.is_live(self.now()) else None

    def page(self, *, live: bool | None = None, after: str | None = None, limit: int = 50) -> Sequence[SetupLink]:
        """Newest first. ``live``: those alone that still open something, or those alone that do not."""
        statement = select(SetupLink).order_by(col(SetupLink.id).desc()).limit(limit)
        if live is not None:
            opens = and_(col(SetupLink.revoked_at).is_(None), col(SetupLink.expires_at) > self.now())
            statement = statement.where(opens if live else not_(opens))
        if after:
            statement = statement.where(col(SetupLink.id) < after)
        return self.session.execute(statement).scalars().all()

    def live(self) -> Sequence[SetupLink]:
        statement = select(SetupLink).where(col(SetupLink.revoked_at).is_(None), col(SetupLink.expires_at) > self.now())
        return self.session.execute(statement.limit(MAX_LIVE)).scalars().all()


class SetupLinkService:
    def create(
        self, unit: TenantUnit, scopes: Sequence[SetupScope], life: timedelta = DEFAULT_LIFE
    ) -> tuple[SetupLink, Handle]:
        """A link, and the handle that it bears."""
        if len(unit[SetupLinks].live()) >= MAX_LIVE:
            raise Conflict("too_many_setup_links", f"A tenant can have {MAX_LIVE} setup links at a time. Revoke one.")
        handle, now = new_handle(unit.scope.tenant), unit.clock.now()
        row = SetupLink(
            tenant_id=unit.scope.tenant,
            id=new_id("lnk"),
            digest=handle.digest,
            scopes=sorted(set(scopes)),
            state={},
            created_at=now,
            expires_at=now + life,
        )
        unit[SetupLinks].add(row)
        _record(unit, "setup_link.created", row, {"scopes": row.scopes})
        return row, handle

    def known(self, unit: TenantUnit, link_id: str) -> SetupLink:
        row = unit[SetupLinks].get(link_id)
        if row is None:
            raise NotFound("setup link")
        return row

    def presented(self, unit: TenantUnit, handle: Handle) -> SetupLink:
        """Raises LinkGone."""
        row = unit[SetupLinks].presented(handle)
        if row is None:
            raise LinkGone("no such setup link, or expired or revoked")
        return row

    def open(self, unit: TenantUnit, handle: Handle) -> SetupLink:
        """Somebody pressed the button. Every opening is told: a link may have gone to whom it was not meant for."""
        row = self.presented(unit, handle)
        row.opened_at = row.opened_at or unit.clock.now()
        _record(unit, "setup_link.opened", row)
        return row

    def revoke(self, unit: TenantUnit, link_id: str) -> SetupLink:
        row = self.known(unit, link_id)
        if row.revoked_at is None:
            row.revoked_at = unit.clock.now()
            _record(unit, "setup_link.revoked", row)
        return row

    def remember(
        self,
        unit: TenantUnit,
        link_id: str,
        changes: Mapping[str, Any],
        *,
        step: str | None = None,
        undone: Collection[str] = (),
    ) -> SetupLink:
        """Keep what was chosen or typed; None forgets. A ``step`` that was not done before is told.

        ``undone``: steps that what has changed makes open again.
        """
        row = self.known(unit, link_id)
        state = {name: value for name, value in {**row.state, **changes}.items() if value is not None}
        done = [name for name in state.get("done", ()) if name not in undone]
        state["done"] = done
        if step is not None and step not in done:
            state["done"] = [*done, step]
            _record(unit, "setup_link.step_completed", row, {"step": step})
        if len(str(state)) > MAX_STATE:
            raise Invalid("This is more than a setup link can keep.")
        row.state = state
        return row

    def complete(self, unit: TenantUnit, link_id: str) -> SetupLink:
        row = self.known(unit, link_id)
        if row.completed_at is None:
            row.completed_at = unit.clock.now()
            _record(unit, "setup_link.completed", row)
        return row


def _record(unit: TenantUnit, action: str, row: SetupLink, context: dict[str, Any] | None = None) -> None:
    unit[Outbox].record(Event(action, Resource("setup_link", row.id), context=context or {}))
