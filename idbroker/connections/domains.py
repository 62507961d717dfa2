"""Claiming and proving mail domains. A verified domain belongs to one tenant in the whole deployment."""

from __future__ import annotations

from functools import cache
from typing import Protocol

from publicsuffixlist import PublicSuffixList
from sqlalchemy.exc import IntegrityError

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Domain, Domains
from idbroker.kernel.addresses import BadAddress, normal_domain
from idbroker.kernel.errors import Conflict, NotFound, invalid_field
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.kernel.secrets import new_secret
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.entitlements import Plans

TXT_LABEL = "_idbroker-challenge"
TXT_PREFIX = "idbroker-domain-verification="
MAX_DOMAINS = 1000

FREE_MAIL = frozenset((
    "126.com", "163.com", "aol.com", "att.net", "comcast.net", "duck.com", "fastmail.com", "free.fr", "gmail.com", "gmx.at",
    "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.co.uk", "hotmail.com", "hotmail.de",
    "hotmail.es", "hotmail.fr", "hotmail.it", "icloud.com", "laposte.net", "libero.it", "live.co.uk", "live.com", "live.de",
    "live.fr", "live.nl", "mac.com", "mail.com", "mail.ru", "mailbox.org", "me.com", "msn.com", "naver.com", "orange.fr",
    "outlook.com", "outlook.de", "outlook.es", "outlook.fr", "pm.me", "posteo.de", "proton.me", "protonmail.com", "qq.com",
    "rediffmail.com", "rocketmail.com", "sbcglobal.net", "sina.com", "t-online.de", "tuta.com", "tutanota.com",
    "tutanota.de", "verizon.net", "wanadoo.fr", "web.de", "yahoo.ca", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk",
    "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.in", "yahoo.it", "yandex.com", "yandex.ru",
    "ymail.com", "zoho.com",
))  # fmt: skip


class TxtLookup(Protocol):
    """Asks the domain name system; the real one is ``idbroker.outbound.dns``."""

    def __call__(self, name: str) -> list[str]:
        """The TXT strings at ``name``; empty when there are none. Raises Refusal (502) when nobody answers."""
        ...


@cache
def _suffixes() -> PublicSuffixList:
    """The public suffix list as it comes with its package: a third of a second to read, and the same for everybody."""
    return PublicSuffixList()


class DomainService:
    def __init__(self, look_up_txt: TxtLookup, plans: Plans | None = None) -> None:
        self._plans = plans or Plans()
        self._look_up_txt = look_up_txt

    def add(self, unit: TenantUnit, name: str, *, include_subdomains: bool = False) -> Domain:
        """Claim a domain; it stays ``pending`` until it is proven. Raises Invalid, or Conflict when it is there already."""
        domain = self._claimable(name)
        if unit[Domains].named(domain) is not None:
            raise Conflict("domain_exists", "This domain is listed already.")
        has = self._plans.check(unit, "domains", lambda: len(unit[Domains].page(limit=MAX_DOMAINS)))
        if has >= MAX_DOMAINS:
            raise Conflict("too_many_domains", f"A tenant can have {MAX_DOMAINS} domains.")
        row = Domain(
            tenant_id=unit.scope.tenant,
            id=new_id("dom"),
            name=domain,
            status="pending",
            token=new_secret(),
            include_subdomains=include_subdomains,
            created_at=unit.clock.now(),
        )
        try:
            unit[Domains].add(row)
        except IntegrityError as error:
            raise Conflict("domain_exists", "This domain is listed already.") from error
        unit[Outbox].record(Event("domain.added", _resource(row)))
        return row

    def known(self, unit: TenantUnit, domain_id: str) -> Domain:
        return _known(unit, domain_id)

    def check_proof(self, row: Domain) -> None:
        """Look the TXT record up; outside any transaction, since the DNS may take its time.

        Raises Conflict when it is not there (yet), Refusal 502 when the DNS does not answer.
        """
        name, value = txt_record(row)
        if value not in self._look_up_txt(name):
            raise Conflict("domain_not_proven", f"There is no TXT record {name} with the value {value} yet.")

    def accept(self, unit: TenantUnit, domain_id: str) -> Domain:
        """What ``check_proof`` found is entered. Raises Conflict when another tenant has proven the domain before."""
        row = _known(unit, domain_id)
        return row if row.status == "verified" else self._accept(unit, row, {"method": "dns"})

    def force(self, unit: TenantUnit, domain_id: str, reason: str) -> Domain:
        """An operator accepts the domain without a proof, and says why."""
        row = _known(unit, domain_id)
        return row if row.status == "verified" else self._accept(unit, row, {"method": "operator", "reason": reason})

    def remove(self, unit: TenantUnit, domain_id: str) -> None:
        row = _known(unit, domain_id)
        unit[Domains].delete(row)
        unit[Outbox].record(Event("domain.removed", _resource(row)))

    def _accept(self, unit: TenantUnit, row: Domain, context: dict[str, str]) -> Domain:
        row.status, row.verified_at = "verified", unit.clock.now()
        try:
            unit[Domains].index(row)
        except IntegrityError as error:
            # It does not say whose: that the domain is used elsewhere is all that its prover may know.
            raise Conflict("domain_taken", "This domain is verified elsewhere in this service.") from error
        unit[Outbox].record(Event("domain.verified", _resource(row), context=context))
        return row

    def _claimable(self, name: str) -> str:
        try:
            domain = normal_domain(name)
        except BadAddress as error:
            raise invalid_field("/domain", f"{error}.") from error
        if _suffixes().is_public(domain):
            raise invalid_field("/domain", f"{domain} is a public suffix: nobody owns it alone.")
        if domain in FREE_MAIL or _suffixes().privatesuffix(domain) in FREE_MAIL:
            raise invalid_field("/domain", f"{domain} gives mail addresses to everybody: no organisation owns it.")
        return domain


def txt_record(row: Domain) -> tuple[str, str]:
    """(name, value) of the TXT record that proves the domain."""
    return f"{TXT_LABEL}.{row.name}", TXT_PREFIX + row.token


def _known(unit: TenantUnit, domain_id: str) -> Domain:
    row = unit[Domains].get(domain_id)
    if row is None:
        raise NotFound("domain")
    return row


def _resource(row: Domain) -> Resource:
    return Resource("domain", row.id, row.name)
