"""A tenant's mail domains: claimed, proven by a TXT record, or accepted by an operator who says why."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listing, page_of, path_id, read_text
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Text, Time, shown
from idbroker.connections.domains import DomainService, txt_record
from idbroker.connections.model import Domain, Domains
from idbroker.kernel.errors import Forbidden, invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute

PATH = f"{TENANT}/domains"
ONE = f"{PATH}/{{domain}}"


class NewDomain(Body):
    domain: str
    include_subdomains: bool = False


class Verification(Body):
    """Empty, to have the TXT record looked up; operators may force it."""

    force: bool = False
    reason: Text | None = None


class TxtRecord(Document):
    name: str
    value: str


class DomainDocument(Document):
    id: str
    domain: str
    status: Literal["pending", "verified"]
    include_subdomains: bool
    txt_record: TxtRecord
    created_at: Time
    verified_at: Time | None


class DomainCalls:
    def __init__(self, database: Database, service: DomainService) -> None:
        self._database = database
        self._service = service

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="add_domain",
                area="Domains",
                summary="Claim a mail domain. It waits, pending, until its TXT record is found.",
                row=TenantRoute(
                    method="POST", path=PATH, handler=self.add, limit="admin_write", permission=Permission.DOMAINS_WRITE
                ),
                body=NewDomain,
                answer=DomainDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_domains",
                area="Domains",
                summary="The tenant's domains, oldest first.",
                row=TenantRoute(
                    method="GET", path=PATH, handler=self.all, limit="admin_read", permission=Permission.DOMAINS_READ
                ),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=DomainDocument,
                many=True,
            ),
            Operation(
                name="get_domain",
                area="Domains",
                summary="One domain, with the TXT record that proves it.",
                row=TenantRoute(
                    method="GET", path=ONE, handler=self.get, limit="admin_read", permission=Permission.DOMAINS_READ
                ),
                answer=DomainDocument,
            ),
            Operation(
                name="verify_domain",
                area="Domains",
                summary="Look the TXT record up. An operator's key may send force and a reason instead.",
                row=ScopedRoute(
                    method="POST",
                    path=f"{ONE}/verify",
                    handler=self.verify,
                    limit="admin_write",
                    permission=Permission.DOMAINS_WRITE,
                ),
                body=Verification,
                answer=DomainDocument,
                problems=(409, 502),
            ),
            Operation(
                name="remove_domain",
                area="Domains",
                summary="Give a domain up. Its people are no longer found by their address.",
                row=TenantRoute(
                    method="DELETE", path=ONE, handler=self.remove, limit="admin_write", permission=Permission.DOMAINS_WRITE
                ),
                status=204,
            ),
        ]

    def add(self, call: Call, unit: TenantUnit) -> Answer:
        form = read_body(call, NewDomain)
        return shown(_document(self._service.add(unit, form.domain, include_subdomains=form.include_subdomains)), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "dom")
        return listing(unit[Domains].page(text=read_text(call), after=page.after, limit=page.fetch), page, _document)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return shown(_document(self._service.known(unit, _id(call))))

    def verify(self, call: Call, scope: TenantScope) -> Answer:
        form = read_body(call, Verification)
        domain_id = _id(call)
        if form.force:
            return self._force(call, scope, domain_id, form.reason)
        with self._database.tenant(scope, read_only=True) as unit:
            row = self._service.known(unit, domain_id)
        if row.status != "verified":
            self._service.check_proof(row)
            with self._database.tenant(scope) as unit:
                row = self._service.accept(unit, domain_id)
        return shown(_document(row))

    def remove(self, call: Call, unit: TenantUnit) -> Answer:
        self._service.remove(unit, _id(call))
        return NO_CONTENT

    def _force(self, call: Call, scope: TenantScope, domain_id: str, reason: str | None) -> Answer:
        if call.principal is None or call.principal.tenant is not None:
            raise Forbidden("operators_only", "Only an operator can accept a domain without its proof.")
        if reason is None:
            raise invalid_field("/reason", "Say why the domain is accepted without a proof; the trail keeps it.")
        with self._database.tenant(scope) as unit:
            return shown(_document(self._service.force(unit, domain_id, reason)))


def _id(call: Call) -> str:
    return path_id(call, "domain", "dom")


def _document(row: Domain) -> DomainDocument:
    name, value = txt_record(row)
    return DomainDocument(
        id=row.id,
        domain=row.name,
        status="verified" if row.status == "verified" else "pending",
        include_subdomains=row.include_subdomains,
        txt_record=TxtRecord(name=name, value=value),
        created_at=row.created_at,
        verified_at=row.verified_at,
    )
