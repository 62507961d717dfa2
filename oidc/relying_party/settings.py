"""What a connection of type ``oidc`` stores: the IdP's endpoints and abilities as they were when an admin saved it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from idbroker.federation.contract import ConnectionConfig

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
SubjectRule = Literal["sub", "entra"]


class RpSettings(BaseModel):
    """Nothing secret. Sign-ins use this snapshot; discovery is read again when an admin saves the issuer again."""

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
    id_token_algs: tuple[str, ...]
    """Our allow-list narrowed to what the IdP says that it signs with."""
    authorization_response_iss_parameter_supported: bool = False
    subject_rule: SubjectRule = "sub"
    """``entra``: a person is (tid, oid), the same in every app of that directory; fixed when the connection is made, so that
    a later change of the vendor's label never turns people into strangers."""

    @classmethod
    def of(cls, connection: ConnectionConfig) -> RpSettings:
        return cls.model_validate(connection.settings)
