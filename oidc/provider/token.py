"""The token endpoint (RFC 6749 3.2): who calls, by which grant, and is he allowed to."""

from __future__ import annotations

from collections.abc import Mapping

from idbroker.web.call import Answer, Call, json_answer
from oidc.provider.client_auth import ClientAuthentication
from oidc.provider.errors import NEVER_STORED, OAuthError
from oidc.provider.grants.contract import Grant
from oidc.provider.issuer import Issuers
from oidc.provider.parameters import present


class Token:
    """``grants`` maps a ``grant_type`` to what answers it; discovery lists the same names."""

    def __init__(self, issuers: Issuers, clients: ClientAuthentication, grants: Mapping[str, Grant]) -> None:
        self._issuers = issuers
        self._clients = clients
        self._grants = grants

    def answer(self, call: Call) -> Answer:
        """RFC 6749 5.1. Raises OAuthError, or BadRequest unless the body is a form."""
        issuer = self._issuers.of(call)
        form = call.form
        if form.repeated:
            raise OAuthError("invalid_request", "a parameter came more than once")
        values = present(form)
        app = self._clients.authenticate(call, values)
        name = values.get("grant_type")
        if name is None:
            raise OAuthError("invalid_request", "grant_type is missing")
        grant = self._grants.get(name)
        if grant is None:
            raise OAuthError("unsupported_grant_type", f"the grant types are: {' '.join(sorted(self._grants))}")
        if name not in app.grant_types:
            raise OAuthError("unauthorized_client", "this app may not use this grant type")
        if "resource" in values:
            raise OAuthError("invalid_target", "this app has no resources")  # RFC 8707 2
        return json_answer(grant.exchange(issuer, app, values, call), 200, *NEVER_STORED)
