"""What a connection of type ``oidc`` stores: the IdP's endpoints and abilities as they were when an admin saved it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from idbroker.federation.contract import ConnectionConfig

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
KeyAlg = Literal["RS256", "ES256", "PS256"]
SubjectRule = Literal["sub", "entra"]

OURS = ("key", "next_key")
"""What is our side of a connection and stays whatever stands on the IdP's."""


class RpSettings(BaseModel):
    """Nothing secret. Sign-ins use this snapshot; discovery is read again once a day, and when an admin saves the issuer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_method: AuthMethod
    token_endpoint_auth_signing_alg: KeyAlg = "RS256"
    """Of the next key of ours that is made; the present one's stands in it."""
    client_secret_expires_at: datetime | None = None
    id_token_algs: tuple[str, ...]
    """Our allow-list narrowed to what the IdP says that it signs with."""
    authorization_response_iss_parameter_supported: bool = False
    acr_values: tuple[str, ...] | None = None
    """What the IdP says that it knows; None when it does not say."""
    subject_rule: SubjectRule = "sub"
    """``entra``: a person is (tid, oid), the same in every app of that directory; fixed when the connection is made, so that
    a later change of the vendor's label never turns people into strangers."""
    discovered: bool = False
    """The endpoints come from the issuer's own description, not from an admin's hand."""
    key: dict[str, Any] | None = None
    """Our public key for ``private_key_jwt``, as a JWK with ``kid`` and ``alg``."""
    next_key: dict[str, Any] | None = None
    """The one that follows, published beside it during a roll-over."""

    @classmethod
    def of(cls, connection: ConnectionConfig) -> RpSettings:
        return cls.model_validate(connection.settings)

    @classmethod
    def stored(cls, settings: Mapping[str, Any]) -> RpSettings:
        return cls.model_validate(settings)
