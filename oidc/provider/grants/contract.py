"""What a grant is to the token endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from idbroker.apps.model import App
from idbroker.kernel.ids import RequestId, TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.storage.unit import PlatformUnit, TenantUnit
from oidc.provider.errors import OAuthError
from oidc.provider.issue import Granted
from oidc.provider.issuer import Issuer


@dataclass(frozen=True, slots=True)
class Exchange:
    """A token request of a proven app, in the one transaction that it gets. ``jkt`` is the key of its DPoP proof."""

    platform: PlatformUnit
    issuer: Issuer
    app: App
    form: Mapping[str, str]
    actor: Actor
    request: RequestId
    jkt: str | None = None

    def enter(self, tenant: TenantId) -> AbstractContextManager[TenantUnit]:
        return self.platform.enter(TenantScope(tenant, self.actor, self.request))

    def required(self, name: str) -> str:
        """A parameter that this grant cannot do without. Raises OAuthError."""
        if name not in self.form:
            raise OAuthError("invalid_request", f"{name} is missing")
        return self.form[name]


class Grant(Protocol):
    """Stands in the table under its ``grant_type``."""

    writes: bool
    """Whether it changes anything. One that does not need not wait for its turn to write."""

    def decide(self, exchange: Exchange) -> Granted | OAuthError:
        """What may be given. An error that is raised changes nothing; one that is returned leaves what was done on the way,
        such as a burnt code.
        """
        ...
