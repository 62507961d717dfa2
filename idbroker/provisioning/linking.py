"""When a person known from sign-in and one from a directory are the same (CONTRACT 9, ``link_scim_by``).

    external_id   externalId equals the subject by which a connection knows the person
    email         userName or primary e-mail equals an address that a connection asserted, of a domain that the tenant proved

Whichever came first keeps its id. Two candidates are as good as none, and nobody is taken from another directory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from idbroker.connections.model import Connections
from idbroker.directories.linking import ProvisionedPeople
from idbroker.directory.model import Identities, Identity, User, Users
from idbroker.federation.contract import ConnectionConfig
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.addresses import BadAddress, email_domain, normal_email, parent_domains
from idbroker.storage.statements.places import verified_domains
from idbroker.storage.unit import TenantUnit

LinkedBy = Literal["external_id", "email"]


@dataclass(frozen=True, slots=True)
class Found:
    user_id: str
    by: LinkedBy


def known_from_sign_in(
    unit: TenantUnit, connection_id: str | None, external_id: str | None, names: Iterable[str | None]
) -> Found | None:
    """The person whom a directory, bound to that connection or to none, means. ``names``: userName, primary e-mail."""
    if external_id is not None:
        found = _one(
            identity.user_id
            for identity in unit[Identities].with_subject(external_id)
            if connection_id in (None, identity.connection_id) and _allows(unit, identity.connection_id, "external_id")
        )
        if found is not None and _is_free(unit[Users].get(found)):
            return Found(found, "external_id")
    addresses = [address for address in dict.fromkeys(map(_address, names)) if address and owned(unit, address)]
    if not addresses:
        return None
    people = [user for user in unit[Users].with_emails(addresses) if _is_free(user) and user.email_verified]
    if not people:
        return None
    known_at = unit[Identities].connections_of([user.id for user in people])
    found = _one(
        user.id
        for user in people
        if any(connection_id in (None, known) and _allows(unit, known, "email") for known in known_at.get(user.id, []))
    )
    return None if found is None else Found(found, "email")


def provisioned(unit: TenantUnit, connection: ConnectionConfig, subject: str, email: str | None) -> Found | None:
    """The person of a directory whom a first sign-in means. ``email`` is in normal form and may be asserted here."""
    rules = connection.options.link_scim_by
    directories = unit[ProvisionedPeople].directories_for(connection.id)
    if not directories:
        return None
    if "external_id" in rules:
        found = _one(unit[ProvisionedPeople].by_external_id(directories, subject))
        if found is not None:
            return Found(found, "external_id")
    if "email" in rules and email is not None and connection.owns(email_domain(email)):
        found = _one(unit[ProvisionedPeople].by_address(directories, email))
        # Known here by another subject: whoever bears his address now is somebody else.
        if found is not None and not unit[Identities].subjects_of(connection.id, found):
            return Found(found, "email")
    return None


def link(unit: TenantUnit, connection_id: str, subject: str, user_id: str) -> None:
    """From now on that subject is this person."""
    known = unit[Identities].get(connection_id, subject)
    if known is not None:
        known.user_id = user_id
        return
    row = Identity(
        tenant_id=unit.scope.tenant, connection_id=connection_id, subject=subject, user_id=user_id, created_at=unit.clock.now()
    )
    unit[Identities].add(row)


def owned(unit: TenantUnit, address: str) -> bool:
    """Whether the tenant has proven the address's domain, itself or through a parent that includes its subdomains."""
    domain = email_domain(address)
    parents = parent_domains(domain)
    return any(name == domain or (below and name in parents) for name, below in verified_domains(unit))


def _address(name: str | None) -> str | None:
    try:
        return normal_email(name) if name else None
    except BadAddress:
        return None


def _is_free(user: User | None) -> bool:
    return user is not None and user.directory_id is None


def _allows(unit: TenantUnit, connection_id: str, rule: LinkedBy) -> bool:
    row = unit[Connections].get(connection_id)
    return row is not None and rule in ConnectionOptions(**row.options).link_scim_by


def _one(ids: Iterable[str]) -> str | None:
    distinct = set(ids)
    return distinct.pop() if len(distinct) == 1 else None
