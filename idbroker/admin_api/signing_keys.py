"""The keys that sign tokens: what an issuer publishes, and letting the next one sign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import API, Operation, QueryParameter
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time, shown
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.keys.rotation import KeyRotation
from idbroker.keys.signing import ALGORITHMS, Algorithm
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute

PATH = f"{API}/signing-keys"
OF_TENANT = QueryParameter(name="tenant", description="Id or slug; without it the shared issuer.")


class RotationWanted(Body):
    """``algorithm``: without it, all. ``tenant``: without it, the shared issuer's."""

    algorithm: Algorithm | None = None
    tenant: str | None = None


class SigningKeyDocument(Document):
    kid: str
    algorithm: Algorithm
    state: Literal["next", "active", "retired"]
    activated_at: Time | None
    retired_at: Time | None


class SigningKeyList(Document):
    """A handful: never more than one page."""

    data: list[SigningKeyDocument]
    next_cursor: None = None


class RotationDocument(Document):
    """``kid`` signs from ``at`` on."""

    algorithm: Algorithm
    kid: str
    at: Time


class RotationList(Document):
    data: list[RotationDocument]


class SigningKeyCalls:
    def __init__(self, rotation: KeyRotation) -> None:
        self._rotation = rotation

    def operations(self) -> list[Operation]:
        operate = Permission.OPERATE_SIGNING_KEYS
        return [
            Operation(
                name="list_signing_keys",
                area="Signing keys",
                summary="The keys that an issuer publishes.",
                row=PlatformRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=operate),
                query=(OF_TENANT,),
                answer=SigningKeyList,
            ),
            Operation(
                name="rotate_signing_keys",
                area="Signing keys",
                summary="Let the next key sign: at once when it has been published for an hour, else as soon as it has.",
                row=PlatformRoute(
                    method="POST", path=f"{PATH}/rotate", handler=self.rotate, limit="admin_write", permission=operate
                ),
                body=RotationWanted,
                answer=RotationList,
            ),
            Operation(
                name="withdraw_signing_key",
                area="Signing keys",
                summary="Stop publishing a retired key now: tokens that it signed are no longer accepted anywhere.",
                row=PlatformRoute(
                    method="DELETE", path=f"{PATH}/{{kid}}", handler=self.withdraw, limit="admin_write", permission=operate
                ),
                query=(OF_TENANT,),
                status=204,
            ),
        ]

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        states = self._rotation.states(_issuer(unit, call.query.get("tenant")))
        return shown(SigningKeyList(data=[SigningKeyDocument.model_validate(state) for state in states]))

    def rotate(self, call: Call, unit: PlatformUnit) -> Answer:
        form = read_body(call, RotationWanted)
        owner = _issuer(unit, form.tenant)
        done: list[RotationDocument] = []
        with _of(unit, owner) as inside:
            for algorithm in (form.algorithm,) if form.algorithm else ALGORITHMS:
                rotation = self._rotation.rotate_within(inside, algorithm)
                done.append(RotationDocument(algorithm=algorithm, kid=rotation.kid, at=rotation.at))
        return shown(RotationList(data=done))

    def withdraw(self, call: Call, unit: PlatformUnit) -> Answer:
        with _of(unit, _issuer(unit, call.query.get("tenant"))) as inside:
            if not self._rotation.withdraw_within(inside, call.path_params["kid"]):
                raise NotFound("retired signing key")
        return NO_CONTENT


@contextmanager
def _of(unit: PlatformUnit, owner: TenantId) -> Iterator[TenantUnit]:
    """The issuer's own unit: a tenant's, or the platform's."""
    if owner == PLATFORM_TRAIL:
        yield unit.own_trail()
        return
    with unit.enter(TenantScope(owner, unit.actor)) as inside:
        yield inside


def _issuer(unit: PlatformUnit, tenant: str | None) -> TenantId:
    if tenant is None:
        return PLATFORM_TRAIL
    row = unit[Tenants].find(tenant)
    if row is None:
        raise invalid_field("/tenant", "There is no such tenant.")
    return row.tenant_id
