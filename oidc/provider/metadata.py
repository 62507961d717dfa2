"""Discovery (OIDC Discovery 3, RFC 8414 2) and the key set: what this issuer can do, and nothing that it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from idbroker.keys.signing import ALGORITHMS
from idbroker.web.call import Answer, Call
from idbroker.web.route import NotHere
from oidc.jose import ALGORITHMS as SIGNATURES
from oidc.provider.claims import CLAIMS, SCOPES
from oidc.provider.client_auth import METHODS
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.published import Published, published
from oidc.provider.response_mode import MODES

KEPT = 10_000


def document(issuer: Issuer, grant_types: Sequence[str]) -> dict[str, Any]:
    """The provider metadata. Pure."""
    return {
        "issuer": issuer.url,
        "authorization_endpoint": f"{issuer.url}/oauth2/authorize",
        "token_endpoint": f"{issuer.url}/oauth2/token",
        "userinfo_endpoint": f"{issuer.url}/oauth2/userinfo",
        "jwks_uri": f"{issuer.url}/oauth2/jwks",
        "introspection_endpoint": f"{issuer.url}/oauth2/introspect",
        "revocation_endpoint": f"{issuer.url}/oauth2/revoke",
        "pushed_authorization_request_endpoint": f"{issuer.url}/oauth2/par",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "end_session_endpoint": f"{issuer.url}/oauth2/logout",
        "scopes_supported": list(SCOPES),
        "claims_supported": list(CLAIMS),
        "claim_types_supported": ["normal"],
        "response_types_supported": ["code"],
        "response_modes_supported": list(MODES),
        "grant_types_supported": list(grant_types),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(SIGNATURES),
        "introspection_endpoint_auth_methods_supported": [method for method in METHODS if method != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": list(SIGNATURES),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(SIGNATURES),
        "dpop_signing_alg_values_supported": list(SIGNATURES),
        "require_pushed_authorization_requests": False,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


class Metadata:
    """The documents are made once per issuer and kept as bytes; the key set for as long as its keys stay the same."""

    def __init__(self, issuers: Issuers, keys: IssuerKeys, grant_types: Sequence[str]) -> None:
        self._issuers = issuers
        self._keys = keys
        self._grant_types = tuple(grant_types)
        self._documents: dict[str, Published] = {}

    def discovery(self, call: Call) -> Answer:
        issuer = self._issuers.of(call)
        known = self._documents.get(issuer.url)
        if known is None:
            if len(self._documents) >= KEPT:
                self._documents.clear()
            known = self._documents[issuer.url] = published(document(issuer, self._grant_types))
        return known.answer(call)

    def jwks(self, call: Call) -> Answer:
        """RFC 7517 5."""
        return self._keys.jwks(self._issuers.of(call)).answer(call)

    def jwks_at_hand(self, call: Call) -> Answer:
        """The same for the event loop. Raises NotHere when the keys must be read first, which takes a thread."""
        issuer = self._issuers.of(call)
        if not self._keys.at_hand(issuer):
            raise NotHere
        return self._keys.jwks(issuer).answer(call)
