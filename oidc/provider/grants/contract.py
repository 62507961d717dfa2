"""What a grant is to the token endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from idbroker.apps.model import App
from idbroker.web.call import Call
from oidc.provider.issuer import Issuer


class Grant(Protocol):
    """Stands in the table under its ``grant_type``."""

    def exchange(self, issuer: Issuer, app: App, form: Mapping[str, str], call: Call) -> Mapping[str, Any]:
        """The token response's members for a proven app that may use this grant. Raises OAuthError."""
        ...
