"""Admission at sign-in (JIT): find, create or update the person whom a connection vouches for.

Identity is (connection, subject), never the e-mail alone: an address that another person of the tenant already bears
does not link the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from idbroker.audit.outbox import Outbox
from idbroker.directory.model import Group, Groups, Identities, Identity, User, Users
from idbroker.federation.contract import ConnectionConfig, ExternalIdentity
from idbroker.federation.profile import Profile
from idbroker.kernel.addresses import BadAddress, email_domain, normal_email
from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.provisioning.linking import link, one_at_a_time, provisioned
from idbroker.storage.unit import TenantUnit

_ASK_ADMIN = "Your organisation's settings do not let you in here. Please ask your administrator."


class AdmissionRefused(Refusal):
    """The person is who the IdP says, but may not come in. ``public`` says no more than that."""

    status = 403


@dataclass(frozen=True, slots=True)
class Admitted:
    user: User
    created: bool


def admit(unit: TenantUnit, connection: ConnectionConfig, identity: ExternalIdentity) -> Admitted:
    """Find or make the person and bring attributes and groups up to date. Raises AdmissionRefused.

    Two first sign-ins of one person at one moment both want to make the same identity: the loser's IntegrityError is the
    caller's sign to run the transaction again, in which everything is found.
    """
    email = _allowed_email(connection, identity.profile)
    user, created = _person(unit, connection, identity, email)
    if not created and connection.options.jit != "off" and user.directory_id is None:
        _update(unit, user, connection.id, identity.profile, email)
    if not user.active:
        raise AdmissionRefused("user_inactive", _ASK_ADMIN, detail=f"{user.id} is switched off")
    if connection.options.jit != "off" and identity.profile.groups is not None:
        _join_groups(unit, user, connection.id, identity.profile.groups)
    user.last_sign_in_at = unit.clock.now()
    return Admitted(user, created)


def _person(unit: TenantUnit, connection: ConnectionConfig, identity: ExternalIdentity, email: str | None) -> tuple[User, bool]:
    """Whom the connection knows by that subject; else whom a directory provisioned and means him; else somebody new.

    The row is held to the end, so that whoever is switched off at this moment gets no session.
    """
    known = unit[Identities].get(connection.id, identity.subject)
    user = unit[Users].held(known.user_id) if known is not None else None
    if user is not None:
        return user, False
    one_at_a_time(unit, (identity.subject, email))
    found = provisioned(unit, connection, identity.subject, email)
    user = unit[Users].held(found.user_id) if found is not None else None
    if found is not None and user is not None:
        link(unit, connection.id, identity.subject, user.id)
        context = {"directory_id": user.directory_id, "connection_id": connection.id, "by": found.by}
        unit[Outbox].record(Event("user.linked", _resource(user), context=context))
        return user, False
    if known is not None:
        raise AdmissionRefused("user_removed", _ASK_ADMIN, detail=f"{known.user_id} is gone")
    return _create(unit, connection, identity, email), True


def _allowed_email(connection: ConnectionConfig, profile: Profile) -> str | None:
    """The address in normal form, if there is one and the connection may assert it."""
    if profile.email is None:
        return None
    try:
        email = normal_email(profile.email)
    except BadAddress as error:
        raise AdmissionRefused("email_malformed", _ASK_ADMIN, detail="the e-mail attribute is not an address") from error
    if connection.options.email_domain_policy == "verified" and not connection.owns(email_domain(email)):
        detail = f"{email_domain(email)} is not a verified domain of this tenant"
        raise AdmissionRefused("email_domain_not_verified", _ASK_ADMIN, detail=detail)
    if profile.email_verified is False:
        raise AdmissionRefused("email_not_verified", _ASK_ADMIN, detail="the IdP says that the e-mail is not verified")
    return email


def _create(unit: TenantUnit, connection: ConnectionConfig, identity: ExternalIdentity, email: str | None) -> User:
    if connection.options.jit != "create":
        raise AdmissionRefused("user_unknown", _ASK_ADMIN, detail="unknown subject and jit does not create")
    now = unit.clock.now()
    user = User(
        tenant_id=unit.scope.tenant,
        id=new_id("usr"),
        email=email,
        email_verified=email is not None,
        user_name=email or identity.subject,
        source="jit",
        created_at=now,
        updated_at=now,
    )
    for name, value in _attributes(identity.profile).items():
        setattr(user, name, value)
    unit[Users].add(user)
    unit[Identities].add(
        Identity(
            tenant_id=unit.scope.tenant,
            connection_id=connection.id,
            subject=identity.subject,
            user_id=user.id,
            created_at=now,
        )
    )
    unit[Outbox].record(Event("user.created", _resource(user), context={"source": "jit", "connection_id": connection.id}))
    return user


def _update(unit: TenantUnit, user: User, connection_id: str, profile: Profile, email: str | None) -> None:
    """What came replaces what was; what did not come stays."""
    wanted: dict[str, str | bool] = dict(_attributes(profile))
    if email is not None:
        wanted |= {"email": email, "email_verified": True}
    told = {name: Change(getattr(user, name), value) for name, value in wanted.items() if getattr(user, name) != value}
    if told:
        for name, change in told.items():
            setattr(user, name, change.after)
        user.updated_at = unit.clock.now()
        unit[Outbox].record(Event("user.updated", _resource(user), told, context={"connection_id": connection_id}))


def _attributes(profile: Profile) -> dict[str, str]:
    display_name = profile.display_name or " ".join(part for part in (profile.given_name, profile.family_name) if part)
    values = {
        "given_name": profile.given_name,
        "family_name": profile.family_name,
        "display_name": display_name or None,
        "department": profile.department,
        "employee_number": profile.employee_number,
    }
    return {name: value for name, value in values.items() if value is not None}


def _join_groups(unit: TenantUnit, user: User, source: str, names: tuple[str, ...]) -> None:
    """Make the memberships that come from this connection's claims equal to what it said just now."""
    groups = unit[Groups]
    current = {group.display_name: group for group in groups.of_user(user.id) if group.source == source}
    for name in sorted(current.keys() - set(names)):
        groups.leave(user.id, current[name].id)
        unit[Outbox].record(_membership("group.member_removed", current[name], user))
    missing = sorted(name for name in names if name not in current)  # in one order everywhere, so that nobody waits in a ring
    known = {group.display_name: group for group in groups.named(source, missing)} if missing else {}
    for name in missing:
        group = known.get(name) or _new_group(unit, source, name)
        groups.join(user.id, group.id)
        unit[Outbox].record(_membership("group.member_added", group, user))


def _new_group(unit: TenantUnit, source: str, name: str) -> Group:
    """A group that is not there yet, or that another sign-in has made since we looked."""
    group = Group(tenant_id=unit.scope.tenant, id=new_id("grp"), display_name=name, source=source, created_at=unit.clock.now())
    try:
        with unit.session.begin_nested():
            unit[Groups].add(group)
    except IntegrityError:
        return unit[Groups].named(source, [name])[0]
    unit[Outbox].record(Event("group.created", Resource("group", group.id, name), context={"connection_id": source}))
    return group


def _membership(action: str, group: Group, user: User) -> Event:
    return Event(action, Resource("group", group.id, group.display_name), context={"user_id": user.id})


def _resource(user: User) -> Resource:
    return Resource("user", user.id, user.email or user.user_name)
