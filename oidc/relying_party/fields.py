"""The fields that an admin may give for a connection of type ``oidc``."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import FieldError, Invalid
from oidc.relying_party.discovery import WELL_KNOWN
from oidc.relying_party.settings import AuthMethod, KeyAlg

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")  # RFC 6749 3.3
_VISIBLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 A.1, A.2: VSCHAR

ENDPOINT_FIELDS = (
    "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint",
    "id_token_signing_alg_values_supported", "authorization_response_iss_parameter_supported",
)  # fmt: skip
"""Manual configuration, for a provider without discovery. The names are those of its metadata."""


class OidcFields(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    client_secret: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(default=None, repr=False)
    scopes: Annotated[tuple[str, ...], Field(max_length=30)] | None = None
    client_secret_expires_at: datetime | None = None
    token_endpoint_auth_method: AuthMethod | None = None
    token_endpoint_auth_signing_alg: KeyAlg | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    jwks_uri: str | None = None
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool | None = None

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, issuer: str | None) -> str | None:
        """OIDC Discovery 3: https, no query, no fragment. The address of the discovery document is understood too."""
        if issuer is None:
            return None
        issuer = issuer.strip().removesuffix(WELL_KNOWN)
        try:
            checked_url(issuer)
        except BadAddress as error:
            raise ValueError(str(error)) from error
        if "?" in issuer:
            raise ValueError("an issuer has no query")
        return issuer

    @field_validator("client_secret_expires_at", mode="before")
    @classmethod
    def _moment(cls, value: Any) -> Any:
        """A day, as the vendors' consoles show it, ends at its midnight in UTC; a number is no moment here."""
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > 40:
            raise ValueError("an RFC 3339 date or date and time is needed")
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
                return datetime.combine(date.fromisoformat(value), time(23, 59, 59), UTC)
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("an RFC 3339 date or date and time is needed") from error
        if moment.tzinfo is None:
            raise ValueError("the time needs its zone, as in 2027-01-31T12:00:00Z")
        return moment.astimezone(UTC)

    @field_validator("client_id", "client_secret")
    @classmethod
    def _visible(cls, text: str | None) -> str | None:
        if text is not None and not _VISIBLE.fullmatch(text):
            raise ValueError("only printable ASCII characters")
        return text

    @field_validator("scopes", mode="before")
    @classmethod
    def _split(cls, scopes: Any) -> Any:
        return scopes.split() if isinstance(scopes, str) else scopes

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, scopes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """OIDC Core 3.1.2.1: without ``openid`` it is no OpenID Connect request."""
        if scopes is None:
            return None
        if not all(_SCOPE.fullmatch(scope) for scope in scopes):
            raise ValueError("a scope is a word without spaces, quotes and backslashes")
        return tuple(dict.fromkeys(("openid", *scopes)))

    @property
    def manual(self) -> bool:
        return any(getattr(self, name) is not None for name in ENDPOINT_FIELDS)


def read_fields(fields: Any) -> OidcFields:
    """Raises Invalid with a pointer for each wrong field."""
    try:
        return OidcFields.model_validate(fields)
    except ValidationError as error:
        wrong = [
            FieldError("/" + "/".join(str(step) for step in problem["loc"]), problem["msg"].removeprefix("Value error, "))
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise Invalid("The connection's fields are not right.", wrong) from error
