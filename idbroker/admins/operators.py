"""Operators: the people of the SaaS company who run the broker, and the links by which they sign in, once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col, select

from idbroker.admins.sessions import AdminSession, AdminSessions
from idbroker.audit.outbox import Outbox
from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.kernel.errors import Conflict, NotFound, Refusal, invalid_field
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.kernel.secrets import digest, new_secret
from idbroker.storage.rows import PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, PlatformUnit, changed

LINK_LIFE = timedelta(minutes=15)
LINK_GONE = "This link was used before, or it has expired. Ask for a new one."


class LinkGone(Refusal):
    """A link that signs in works once, and not for long."""

    status = 410

    def __init__(self, detail: str) -> None:
        super().__init__("link_gone", LINK_GONE, detail=detail)


class Operator(PlatformRow, table=True):
    """Somebody who runs the broker. ``user_id``: the person of the operators' tenant, once he has signed in through it."""

    __tablename__ = "operators"

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    user_id: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LoginLink(PlatformRow, table=True):
    """Signs one operator in, once. Only the digest of what the link holds is kept."""

    __tablename__ = "login_links"

    digest: str = Field(primary_key=True)
    operator_id: str
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Operators(PlatformRepository):
    def get(self, operator_id: str) -> Operator | None:
        return self.keyed(Operator, operator_id)

    def with_email(self, email: str) -> Operator | None:
        return self.session.execute(select(Operator).where(Operator.email == email)).scalars().first()

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[Operator]:
        statement = select(Operator).order_by(col(Operator.id)).limit(limit)
        if text:
            statement = statement.where(col(Operator.email).icontains(text, autoescape=True))
        if after:
            statement = statement.where(col(Operator.id) > after)
        return self.session.execute(statement).scalars().all()

    def add(self, row: Operator | LoginLink) -> None:
        self.session.add(row)
        self.session.flush()

    def link(self, secret: str) -> LoginLink | None:
        """One that may still be used."""
        row = self.keyed(LoginLink, digest(secret))
        return row if row is not None and row.used_at is None and row.expires_at > self.now() else None

    def spend(self, secret: str) -> bool:
        """Of any number of callers at the same moment one gets True."""
        statement = (
            update(LoginLink)
            .where(
                col(LoginLink.digest) == digest(secret),
                col(LoginLink.used_at).is_(None),
                col(LoginLink.expires_at) > self.now(),
            )
            .values(used_at=self.now())
        )
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1

    def withdraw_links(self, operator_id: str) -> None:
        statement = delete(LoginLink).where(col(LoginLink.operator_id) == operator_id)
        self.session.execute(statement.execution_options(synchronize_session=False))

    def purge_links(self) -> int:
        statement = delete(LoginLink).where(col(LoginLink.expires_at) <= self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))


class OperatorService:
    def invite(self, unit: PlatformUnit, email: str) -> tuple[Operator, str]:
        """The operator of that address, made if need be, and the secret of a link that signs him in. Older links end."""
        address = _address(email)
        row = unit[Operators].with_email(address)
        if row is None:
            row = Operator(id=new_id("opr"), email=address, created_at=unit.clock.now())
            try:
                unit[Operators].add(row)
            except IntegrityError as error:
                raise Conflict("operator_exists", "This operator was made just now. Try again.") from error
            _record(unit, "operator.created", row)
        if row.disabled_at is not None:
            raise Conflict("operator_disabled", "This operator is switched off. Switch it on first.")
        unit[Operators].withdraw_links(row.id)
        secret = new_secret()
        link = LoginLink(digest=digest(secret), operator_id=row.id, expires_at=unit.clock.now() + LINK_LIFE)
        unit[Operators].add(link)
        _record(unit, "operator.link_created", row)
        return row, secret

    def linked(self, unit: PlatformUnit, secret: str) -> Operator:
        """Whom a link would sign in. Spends nothing. Raises LinkGone."""
        link = unit[Operators].link(secret)
        row = unit[Operators].get(link.operator_id) if link else None
        if row is None or row.disabled_at is not None:
            raise LinkGone("unknown, used or expired")
        return row

    def sign_in(self, unit: PlatformUnit, secret: str) -> str:
        """Spend the link. Returns the cookie of a new session. Raises LinkGone."""
        row = self.linked(unit, secret)
        if not unit[Operators].spend(secret):
            raise LinkGone("spent by another request in the same moment")
        row.user_id = None  # whoever was given a link is who he is by the word of whoever made it
        session, cookie = unit[AdminSessions].open("operator", row.id, None)
        self.signed_in(unit, row, session, {"by": "link"})
        return cookie

    def signed_in(self, unit: PlatformUnit, row: Operator, session: AdminSession, how: Mapping[str, str]) -> None:
        row.last_sign_in_at = unit.clock.now()
        _record(unit, "operator.signed_in", row, {"admin_session_id": session.id, **how})

    def known(self, unit: PlatformUnit, operator_id: str) -> Operator:
        row = unit[Operators].get(operator_id)
        if row is None:
            raise NotFound("operator")
        return row

    def disable(self, unit: PlatformUnit, operator_id: str) -> Operator:
        """Switch off: sessions and links end at once."""
        row = self.known(unit, operator_id)
        if row.disabled_at is None:
            row.disabled_at = unit.clock.now()
            unit[AdminSessions].end_of(row.id)
            unit[Operators].withdraw_links(row.id)
            _record(unit, "operator.disabled", row)
        return row

    def enable(self, unit: PlatformUnit, operator_id: str) -> Operator:
        row = self.known(unit, operator_id)
        if row.disabled_at is not None:
            row.disabled_at = None
            _record(unit, "operator.enabled", row)
        return row


def _address(email: str) -> str:
    try:
        return normal_email(email)
    except BadAddress as error:
        raise invalid_field("/email", f"{error}.") from error


def _record(unit: PlatformUnit, action: str, row: Operator, context: dict[str, str] | None = None) -> None:
    unit.own_trail()[Outbox].record(Event(action, Resource("operator", row.id, row.email), context=context or {}))
