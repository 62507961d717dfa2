"""Somebody with a live session, without the trip through an identity provider."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.app import Services
from idbroker.directory.model import Identities, Identity, User, Users
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.service import Beginning


@dataclass(frozen=True)
class Person:
    id: str
    session: str
    email: str
    cookie: str


def make_person(
    services: Services, scope: TenantScope, email: str, *, connection: str = "con_x", subject: str | None = None
) -> Person:
    now = services.clock.now()
    user = User(
        tenant_id=scope.tenant, id=new_id("usr"), email=email, email_verified=True, source="jit", created_at=now, updated_at=now
    )
    known = subject or email
    with services.database.tenant(scope) as unit:
        unit[Users].add(user)
        unit[Identities].add(
            Identity(tenant_id=scope.tenant, connection_id=connection, subject=known, user_id=user.id, created_at=now)
        )
        begun = Beginning(user.id, connection, now, (), None, {"id_token_sub": known, "sid": f"idp-{user.id}"}, None)
        session, cookie = services.sessions.start(unit, begun)
        return Person(user.id, session.id, email, cookie)
