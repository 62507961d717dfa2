"""Where an address would be sent to sign in, and by which rule: for the tenant's own admins, about their own tenant."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.hrd import FoundConnection
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.shapes import Document, shown
from idbroker.connections.model import Whereabouts
from idbroker.kernel.addresses import BadAddress, email_domain, normal_email
from idbroker.kernel.errors import invalid_field
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.login.route import Hints, route_within
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute


class RouteExplained(Document):
    """``domain_rule``: why the domain is the tenant's; None when it is not. ``rule``: how the connection is found within it, or
    why nobody is sent anywhere."""

    domain: str
    route: Literal["connection", "choose", "none"]
    domain_rule: str | None
    rule: str
    connections: list[FoundConnection]


class HrdExplainCall:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="explain_home_realm",
                area="Home-realm discovery",
                summary="Where an address would be sent to sign in, and by which rule. It never says whether a person exists.",
                row=ScopedRoute(
                    method="GET",
                    path=f"{TENANT}/hrd/explain",
                    handler=self.explain,
                    limit="admin_read",
                    permission=Permission.CONNECTIONS_READ,
                ),
                query=(QueryParameter(name="email", description="The address that somebody would type."),),
                answer=RouteExplained,
            )
        ]

    def explain(self, call: Call, scope: TenantScope) -> Answer:
        try:
            domain = email_domain(normal_email(call.query.get("email", "")))
        except BadAddress as error:
            raise invalid_field("/email", f"{error}.") from error
        with self._database.platform(scope.actor, read_only=True) as unit:
            domain_rule = _domain_rule(unit, domain, scope.tenant)
            if domain_rule is None:
                # Whose it is instead is no business of this tenant's.
                return _nowhere(domain, None, f"no verified domain of this tenant speaks for {domain}")
            tenant = unit[Tenants].get(scope.tenant)
            if tenant is None or tenant.status not in SIGN_IN_ALLOWED:
                status = tenant.status if tenant is not None else "gone"
                return _nowhere(domain, domain_rule, f"nobody signs in to this tenant while it is {status}")
            with unit.enter(scope) as inside:
                route = route_within(inside, Hints(domain=domain))
        connections = [FoundConnection(id=one.id, name=one.name, type=one.type) for one in route.connections]
        return shown(
            RouteExplained(
                domain=domain, route=route.outcome, domain_rule=domain_rule, rule=route.rule, connections=connections
            )
        )


def _domain_rule(unit: PlatformUnit, domain: str, tenant: TenantId) -> str | None:
    entry = unit[Whereabouts].responsible(domain)
    if entry is None or entry.tenant != tenant:
        return None
    return "a verified domain of this tenant" if entry.name == domain else f"{entry.name} speaks for its subdomains"


def _nowhere(domain: str, domain_rule: str | None, rule: str) -> Answer:
    return shown(RouteExplained(domain=domain, route="none", domain_rule=domain_rule, rule=rule, connections=[]))
