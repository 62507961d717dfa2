"""When a person known from sign-in and one from a directory are the same (CONTRACT 9, ``link_scim_by``).

    external_id   externalId equals the subject by which a connection knows the person
    email         userName or primary e-mail equals an address that a connection asserted, of a domain that the tenant proved

Whichever came first keeps its id. Two candidates are as good as none, and nobody is taken from another directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from idbroker.connections.model import Connections
from idbroker.directories.linking import ProvisionedPeople
from idbroker.directory.model import Identities, Identity
from idbroker.directory.people import People, Person
from idbroker.federation.contract import ConnectionConfig
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.addresses import BadAddress, email_domain, normal_email
from idbroker.storage.statements.places import verified_domains
from idbroker.storage.unit import TenantUnit

LinkedBy = Literal["external_id", "email"]


@dataclass(frozen=True, slots=True)
class Found:
    user_id: str
    by: LinkedBy


class ProvenDomains:
    """The tenant's, read when they are first asked for."""

    def __init__(self, unit: TenantUnit) -> None:
        self._unit = unit
        self._domains: list[tuple[str, bool]] | None = None

    def own(self, address: str) -> bool:
        """Whether the address's domain is proven, itself or through a parent that includes its subdomains."""
        if self._domains is None:
            self._domains = verified_domains(self._unit)
        domain = email_domain(address)
        return any(name == domain or (below and domain.endswith(f".{name}")) for name, below in self._domains)


def one_at_a_time(unit: TenantUnit, names: Iterable[str | None]) -> None:
    """Whoever makes a person says first by what names he could be found: subject, externalId, addresses in normal form. A
    sign-in and a directory that mean the same person at the same moment share one of them, and the second sees the first."""
    unit.take_turns(sorted({name for name in names if name}))


def known_from_sign_in(
    unit: TenantUnit, connection_id: str | None, external_id: str | None, addresses: Sequence[str], proven: ProvenDomains
) -> Found | None:
    """The person whom a directory, bound to that connection or to none, means. ``addresses``: userName and primary e-mail, as
    far as they are addresses, in normal form."""
    if external_id is not None:
        found = _one(
            user_id
            for known, user_id in unit[People].known_by(external_id)
            if connection_id in (None, known) and _allows(unit, known, "external_id")
        )
        if found is not None and _is_free(unit[People].get(found)):
            return Found(found, "external_id")
    owned = [address for address in addresses if proven.own(address)]
    people = [one for one in unit[People].with_emails(owned) if _is_free(one) and one.email_verified]
    if not people:
        return None
    known_at = unit[Identities].connections_of([one.id for one in people])
    found = _one(
        one.id
        for one in people
        if any(connection_id in (None, known) and _allows(unit, known, "email") for known in known_at.get(one.id, []))
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


def addresses_of(names: Iterable[str | None]) -> list[str]:
    """Those that are addresses, in normal form, each once."""
    return list(dict.fromkeys(filter(None, map(_address, names))))


def _address(name: str | None) -> str | None:
    try:
        return normal_email(name) if name else None
    except BadAddress:
        return None


def _is_free(person: Person | None) -> bool:
    return person is not None and person.directory_id is None


def _allows(unit: TenantUnit, connection_id: str, rule: LinkedBy) -> bool:
    row = unit[Connections].get(connection_id)
    return row is not None and rule in ConnectionOptions(**row.options).link_scim_by


def _one(ids: Iterable[str]) -> str | None:
    distinct = set(ids)
    return distinct.pop() if len(distinct) == 1 else None
